/**
 * Opens the encrypted answer of a wallet: JWE in compact form (RFC 7516), ECDH-ES straight to the content key
 * (RFC 7518 4.6) on P-256, A128GCM or A256GCM. Compression is refused.
 */
import { createDecipheriv, createHash, diffieHellman, type KeyObject } from 'node:crypto'
import { isObject, readBase64url, readJsonObject } from './json.ts'
import { keyOfJwk } from './jws.ts'
import { need, orRefuse, Refused } from './refused.ts'

/** The encryptions that a request offers; HAIP asks for both. */
export const ENCRYPTIONS = { A128GCM: 16, A256GCM: 32 } as const

const NONCE = 12
const TAG = 16

/** The plaintext of `token`, which must be encrypted to `privateKey` under the identifier `keyId`. */
export function openJwe(token: string, privateKey: KeyObject, keyId: string): Buffer {
  const parts = token.split('.')
  need(parts.length === 5, 'answer_malformed', 'a JWE of five parts is needed')
  const [head, encryptedKey, ...rest] = parts as [string, string, string, string, string]
  const header = readJsonObject(readBase64url(head, 'answer_malformed'), 'answer_malformed')
  need(header.crit === undefined && header.zip === undefined, 'answer_malformed', 'crit or zip')
  need(header.alg === 'ECDH-ES' && encryptedKey === '', 'algorithm_refused')
  need(header.kid === keyId, 'answer_undecipherable', 'another key')
  const length = header.enc === 'A128GCM' || header.enc === 'A256GCM' ? ENCRYPTIONS[header.enc] : undefined
  need(length !== undefined && isObject(header.epk), 'algorithm_refused')
  const epk = keyOfJwk(header.epk, 'answer_malformed')
  need(epk.asymmetricKeyDetails?.namedCurve === 'prime256v1', 'algorithm_refused')
  const [nonce, ciphertext, tag] = rest.map((part) => readBase64url(part, 'answer_malformed')) as [
    Buffer,
    Buffer,
    Buffer,
  ]
  need(nonce.length === NONCE && tag.length === TAG, 'answer_malformed')
  const shared = orRefuse('answer_undecipherable', () => diffieHellman({ privateKey, publicKey: epk }))
  const key = deriveKey(shared, String(header.enc), partyOf(header.apu), partyOf(header.apv), length)
  try {
    const decipher = createDecipheriv(`aes-${length === 16 ? 128 : 256}-gcm`, key, nonce, {
      authTagLength: TAG,
    })
    decipher.setAAD(Buffer.from(head, 'ascii'))
    decipher.setAuthTag(tag)
    return Buffer.concat([decipher.update(ciphertext), decipher.final()])
  } catch {
    throw new Refused('answer_undecipherable')
  }
}

function partyOf(value: unknown): Buffer {
  if (value === undefined) return Buffer.alloc(0)
  need(typeof value === 'string', 'answer_malformed')
  return readBase64url(value, 'answer_malformed')
}

/** Concat KDF (NIST SP 800-56A 5.8.1, RFC 7518 4.6.2); one round of SHA-256 is enough for either key. */
export function deriveKey(shared: Buffer, enc: string, apu: Buffer, apv: Buffer, length: number): Buffer {
  const other = [withLength(Buffer.from(enc, 'ascii')), withLength(apu), withLength(apv), four(length * 8)]
  const round = createHash('sha256').update(Buffer.concat([four(1), shared, ...other]))
  return round.digest().subarray(0, length)
}

function withLength(bytes: Buffer): Buffer {
  return Buffer.concat([four(bytes.length), bytes])
}

function four(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
