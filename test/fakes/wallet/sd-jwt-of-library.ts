/** SD-JWT VC made and presented by @sd-jwt/sd-jwt-vc: one of two stacks that know nothing of each other. */
import { createHash, randomBytes, sign } from 'node:crypto'
import { SDJwtVcInstance } from '@sd-jwt/sd-jwt-vc'
import type { KeyPair } from '#core/certificate/certificate-fixture.ts'
import { PERSON, publicJwk, seconds, x5cOf } from './authority.ts'
import type { Stack } from './stack.ts'

const signerOf =
  ({ privateKey }: KeyPair) =>
  (data: string): string =>
    sign('sha256', Buffer.from(data), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')

const common = {
  hasher: (data: string | ArrayBuffer): Uint8Array =>
    createHash('sha256')
      .update(typeof data === 'string' ? data : Buffer.from(data))
      .digest(),
  hashAlg: 'sha-256' as const,
  saltGenerator: (): string => randomBytes(16).toString('base64url'),
  signAlg: 'ES256',
}

export const sdJwtOfLibrary: Stack<string> = {
  name: 'SD-JWT VC by @sd-jwt/sd-jwt-vc',
  format: 'dc+sd-jwt',
  async issue({ authority, holder, attributes, type = PERSON, status, ...rest }) {
    const issuer = new SDJwtVcInstance({ ...common, signer: signerOf(rest.signer ?? authority.key) })
    const payload = {
      iss: 'https://issuer.example',
      vct: type,
      cnf: { jwk: { ...publicJwk(holder), ...rest.cnf } },
      ...(status === undefined ? {} : { status: { status_list: status } }),
      ...(rest.validUntil === undefined ? {} : { exp: seconds(rest.validUntil) }),
      ...(rest.validFrom === undefined ? {} : { nbf: seconds(rest.validFrom) }),
      ...attributes,
    }
    const header = { x5c: x5cOf(rest.chain ?? authority.chain) }
    return await issuer.issue(payload, { _sd: Object.keys(attributes) as never[] }, { header })
  },
  async present(held, { request, disclose, holder, signedAt, ...rest }) {
    const wallet = new SDJwtVcInstance({
      ...common,
      kbSigner: signerOf(rest.signer ?? holder),
      kbSignAlg: 'ES256',
    })
    const hashes = rest.transactionHashes
    const payload = {
      iat: seconds(signedAt),
      aud: rest.audience ?? String(request.client_id),
      nonce: rest.nonce ?? String(request.nonce),
      ...(hashes === undefined
        ? {}
        : { transaction_data_hashes: hashes, transaction_data_hashes_alg: 'sha-256' }),
    }
    const frame = Object.fromEntries(disclose.map((name) => [name, true]))
    return await wallet.present(held, frame, { kb: { payload } })
  },
}
