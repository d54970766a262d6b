/**
 * Keys of accounts at CAs (RFC 8555): P-256, sealed under the token key, so that only a server whose token is
 * unlocked orders anything.
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { generateKey } from './generate-key.ts'
import { asSealed } from './seal.ts'
import type { SoftwareToken } from './software-token.ts'

/**
 * Signs the requests of one account. The members of `jwk` are in the order of its thumbprint (RFC 7638 3.2).
 */
export type AccountKey = {
  jwk: { crv: string; kty: string; x: string; y: string }
  /** ES256: r||s (RFC 7518 3.4). */
  sign(data: Buffer): Buffer
}

export type AccountKeys = {
  /** A new key as the text that its caller keeps. Throws `token_not_active`. */
  make(): Promise<string>
  /** Throws `token_not_active`, and `io_error` for a text of another token. */
  open(kept: string): AccountKey
}

const CONTEXT = 'concordat acme account key'

export function createAccountKeys(token: Pick<SoftwareToken, 'seal' | 'unseal'>): AccountKeys {
  return {
    async make() {
      const privateKey = await generateKey('P-256')
      const plain = privateKey.export({ format: 'der', type: 'pkcs8' })
      try {
        return JSON.stringify(token.seal(CONTEXT, plain))
      } finally {
        plain.fill(0)
      }
    },
    open(kept) {
      const plain = token.unseal(CONTEXT, asSealed(JSON.parse(kept), 'the account key'))
      if (plain === undefined)
        throw new Fault('io_error', {
          what: say`the key of an account at a CA does not open with this token`,
        })
      try {
        return accountKey(createPrivateKey({ key: plain, format: 'der', type: 'pkcs8' }))
      } finally {
        plain.fill(0)
      }
    },
  }
}

function accountKey(privateKey: KeyObject): AccountKey {
  const { crv, kty, x, y } = createPublicKey(privateKey).export({ format: 'jwk' })
  return {
    jwk: { crv: crv!, kty: kty!, x: x!, y: y! },
    sign: (data) => sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' }),
  }
}
