/**
 * Encryption of a record. Its content is encrypted under a data key of its own. This key and the salt of the
 * record's commitments are derived from the log key and a random seed for this record only. Destroying the
 * seed erases the content and every possibility to guess at its commitments.
 */
import { createCipheriv, createDecipheriv, hash } from 'node:crypto'
import { Fault } from '#schemas/fault.ts'

const CIPHER = 'aes-256-gcm'
const TAG = 16
const KEY = 32
const CONTENT_VERSION = 1
const CONTENT_LABEL = Buffer.from('concordat record content 1')
const DERIVE_LABEL = 'concordat record key 1'
// A data key encrypts only one content, so its nonce may be constant.
const CONTENT_NONCE = Buffer.alloc(12)
// HMAC-SHA-512 (RFC 2104).
const BLOCK = 128
const INNER = 0x36
const OUTER = 0x5c
const MAC = 64

/** Bytes of a log key's id: the first ones of SHA-256(key). */
export const KEY_ID_LENGTH = 8
/** Bytes of a record's seed. */
export const SEED_LENGTH = 32
/** How many bytes sealing adds to the plaintext. */
export const SEALED_EXTRA = 1 + TAG

/** A key from which record keys are derived. */
export type LogKey = { id: Buffer; key: Buffer }

/** What opens one record: its data key and the salt of its commitments. */
export type RecordKey = { dataKey: Buffer; salt: Buffer }

/**
 * Writes `version (1) ‖ ciphertext ‖ tag (16)` to `sealed`, which must be SEALED_EXTRA longer than `plain`.
 */
export function sealContent(dataKey: Buffer, plain: Buffer, sealed: Buffer): void {
  const cipher = createCipheriv(CIPHER, dataKey, CONTENT_NONCE)
  cipher.setAAD(CONTENT_LABEL)
  sealed[0] = CONTENT_VERSION
  cipher.update(plain).copy(sealed, 1)
  cipher.final()
  cipher.getAuthTag().copy(sealed, 1 + plain.length)
}

/** Returns the plaintext of `sealContent`; throws `log_inconsistent` when any bit was altered. */
export function openContent(dataKey: Buffer, sealed: Buffer): Buffer {
  if (sealed.length < SEALED_EXTRA || sealed[0] !== CONTENT_VERSION) throw damaged('content')
  const tagAt = sealed.length - TAG
  const decipher = createDecipheriv(CIPHER, dataKey, CONTENT_NONCE, { authTagLength: TAG })
  decipher.setAAD(CONTENT_LABEL)
  decipher.setAuthTag(sealed.subarray(tagAt))
  const plain = decipher.update(sealed.subarray(1, tagAt))
  try {
    decipher.final()
  } catch (cause) {
    throw damaged('content', 'does not decrypt', cause)
  }
  return plain
}

/**
 * Derives record keys from one log key: data key ‖ salt = HMAC-SHA-512(log key, label ‖ seed), 64 bytes,
 * written to `target`. Uses plain hashes in reused memory: Hmac objects would cost six times as much.
 */
export function createKeyDeriver(logKey: Buffer): (seed: Buffer, target: Buffer) => void {
  if (logKey.length !== KEY) throw new TypeError('a log key has 32 octets')
  const inner = Buffer.alloc(BLOCK + DERIVE_LABEL.length + SEED_LENGTH, INNER)
  const outer = Buffer.alloc(BLOCK + MAC, OUTER)
  for (let i = 0; i < KEY; i++) {
    inner[i] = logKey[i]! ^ INNER
    outer[i] = logKey[i]! ^ OUTER
  }
  inner.write(DERIVE_LABEL, BLOCK, 'latin1')
  return (seed, target) => {
    seed.copy(inner, BLOCK + DERIVE_LABEL.length, 0, SEED_LENGTH)
    outer.write(hash('sha512', inner, 'latin1'), BLOCK, 'latin1')
    target.write(hash('sha512', outer, 'latin1'), 0, 'latin1')
  }
}

/**
 * The id of the log key from which a record's key is derived; `stored` is `key id (8) ‖ seed (32)`. Throws
 * `log_inconsistent`.
 */
export function logKeyIdOf(stored: Buffer): Buffer {
  if (stored.length !== KEY_ID_LENGTH + SEED_LENGTH) throw damaged('seed', 'is cut off')
  return stored.subarray(0, KEY_ID_LENGTH)
}

/** An altered seed gives another key, which does not open the content. */
export function deriveRecordKey(logKey: Buffer, stored: Buffer): RecordKey {
  const key = Buffer.alloc(MAC)
  createKeyDeriver(logKey)(stored.subarray(KEY_ID_LENGTH), key)
  return { dataKey: key.subarray(0, KEY), salt: key.subarray(KEY) }
}

function damaged(what: string, how = 'does not decrypt', cause?: unknown): Fault {
  return new Fault('log_inconsistent', { what: `the ${what} ${how}`, cause })
}
