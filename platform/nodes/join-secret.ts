/**
 * The one secret from which a new node starts: where a running node is, and a key that both have. The new
 * node proves that it has the key, and what it gets is sealed under it, so the key itself is never sent, and
 * whoever listens or answers in between learns nothing.
 *
 *     concordat-join-1.<base64url of JSON: url, id, key>
 */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'

type JoinSecret = { url: string; id: string; key: Buffer }

const PREFIX = 'concordat-join-1.'
const ID = /^[0-9a-f-]{36}$/
const NONCE = 12
const TAG = 16
const MAX_LENGTH = 2048

export function writeJoinSecret({ url, id, key }: JoinSecret): string {
  return `${PREFIX}${Buffer.from(JSON.stringify({ url, id, key: key.toString('base64url') })).toString('base64url')}`
}

/** Throws `invalid_input`; the secret is never in the fault. */
export function readJoinSecret(text: string): JoinSecret {
  try {
    if (!text.startsWith(PREFIX) || text.length > MAX_LENGTH) throw new Error('form')
    const value = JSON.parse(Buffer.from(text.slice(PREFIX.length), 'base64url').toString()) as Record<
      string,
      unknown
    >
    const { url, id, key } = value
    if (typeof url !== 'string' || !/^https?:$/.test(new URL(url).protocol)) throw new Error('url')
    if (typeof id !== 'string' || !ID.test(id) || typeof key !== 'string') throw new Error('id')
    const bytes = Buffer.from(key, 'base64url')
    if (bytes.length !== 32) throw new Error('key')
    return { url, id, key: bytes }
  } catch {
    throw new Fault('invalid_input', { what: say`this is not a secret to join by` })
  }
}

/** What the new node sends with the id. */
export function proofOf({ id, key }: Pick<JoinSecret, 'id' | 'key'>): string {
  return createHmac('sha256', key).update(`concordat join ${id}`).digest('base64url')
}

export function isProof(secret: Pick<JoinSecret, 'id' | 'key'>, proof: string): boolean {
  const [given, right] = [Buffer.from(proof), Buffer.from(proofOf(secret))]
  return given.length === right.length && timingSafeEqual(given, right)
}

/** Seals what the new node gets. */
export function sealBundle(secret: Pick<JoinSecret, 'id' | 'key'>, plain: Buffer): Buffer {
  const nonce = randomBytes(NONCE)
  const cipher = createCipheriv('aes-256-gcm', bundleKey(secret), nonce)
  cipher.setAAD(Buffer.from(secret.id))
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

/** Throws `invalid_input` for an answer that was not sealed for this secret. */
export function openBundle(secret: Pick<JoinSecret, 'id' | 'key'>, sealed: Buffer): Buffer {
  try {
    const decipher = createDecipheriv('aes-256-gcm', bundleKey(secret), sealed.subarray(0, NONCE), {
      authTagLength: TAG,
    })
    decipher.setAAD(Buffer.from(secret.id))
    decipher.setAuthTag(sealed.subarray(sealed.length - TAG))
    return Buffer.concat([decipher.update(sealed.subarray(NONCE, -TAG)), decipher.final()])
  } catch {
    throw new Fault('invalid_input', { what: say`the answer does not open with this secret` })
  }
}

function bundleKey({ id, key }: Pick<JoinSecret, 'id' | 'key'>): Buffer {
  return Buffer.from(hkdfSync('sha256', key, Buffer.from(id), 'concordat join bundle', 32))
}
