/** SD-JWT VC written out by RFC 9901, signed with jose: one of two stacks that know nothing of each other. */
import { createHash, randomBytes } from 'node:crypto'
import { SignJWT } from 'jose'
import { PERSON, publicJwk, seconds, x5cOf } from './authority.ts'
import type { Stack } from './stack.ts'

type Held = { token: string; disclosures: Map<string, string> }

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
export const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64url')

export const sdJwtOfJose: Stack<Held> = {
  name: 'SD-JWT VC by hand over jose',
  format: 'dc+sd-jwt',
  async issue({ authority, holder, attributes, type = PERSON, status, ...rest }) {
    const disclosures = new Map(
      Object.entries(attributes).map(([name, value]) => [
        name,
        encode([randomBytes(16).toString('base64url'), name, value]),
      ]),
    )
    const decoy = randomBytes(32).toString('base64url')
    const payload = {
      iss: 'https://issuer.example',
      vct: type,
      _sd_alg: 'sha-256',
      _sd: [...disclosures.values()].map(sha256).concat(decoy).sort(),
      cnf: { jwk: { ...publicJwk(holder), ...rest.cnf } },
      ...(status === undefined ? {} : { status: { status_list: status } }),
      ...(rest.validUntil === undefined ? {} : { exp: seconds(rest.validUntil) }),
      ...(rest.validFrom === undefined ? {} : { nbf: seconds(rest.validFrom) }),
    }
    const token = await new SignJWT(payload)
      .setProtectedHeader({ alg: 'ES256', typ: 'dc+sd-jwt', x5c: x5cOf(rest.chain ?? authority.chain) })
      .sign((rest.signer ?? authority.key).privateKey)
    return { token, disclosures }
  },
  async present({ token, disclosures }, { request, disclose, holder, signedAt, ...rest }) {
    const bound = `${[token, ...disclose.map((name) => disclosures.get(name)!)].join('~')}~`
    return `${bound}${await keyBindingOf({ request, bound, signedAt, ...rest, signer: rest.signer ?? holder })}`
  },
}

/** A key binding JWT; `changes` replace claims and header. */
export async function keyBindingOf(q: {
  request: Record<string, unknown>
  bound: string
  signedAt: Date
  signer: { privateKey: import('node:crypto').KeyObject }
  nonce?: string
  audience?: string
  transactionHashes?: string[]
  typ?: string
  claims?: Record<string, unknown>
}): Promise<string> {
  const hashes = q.transactionHashes
  const payload = {
    iat: seconds(q.signedAt),
    aud: q.audience ?? q.request.client_id,
    nonce: q.nonce ?? q.request.nonce,
    sd_hash: sha256(q.bound),
    ...(hashes === undefined
      ? {}
      : { transaction_data_hashes: hashes, transaction_data_hashes_alg: 'sha-256' }),
    ...q.claims,
  }
  return await new SignJWT(payload as Record<string, unknown>)
    .setProtectedHeader({ alg: 'ES256', typ: q.typ ?? 'kb+jwt' })
    .sign(q.signer.privateKey)
}
