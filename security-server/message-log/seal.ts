/**
 * Encryption of a record: content under a data key of its own, the data key and the record's salt under the log key.
 * Destroying the wrapped key erases the content and every possibility to guess at its commitments.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto'
import { Fault } from '#schemas/fault.ts'

const CIPHER = 'aes-256-gcm'
const TAG = 16
const NONCE = 12
const KEY = 32
const CONTENT_VERSION = 1
const CONTENT_LABEL = Buffer.from('concordat record content 1')
const WRAP_LABEL = Buffer.from('concordat record key 1')
// A data key encrypts one content and nothing else, so its nonce may be constant.
const CONTENT_NONCE = Buffer.alloc(NONCE)

/** Octets of a log key's id: the first ones of SHA-256(key). */
export const KEY_ID_LENGTH = 8

/** A key that wraps data keys. */
export type LogKey = { id: Buffer; key: Buffer }

/** What opens one record: its data key and the salt of its commitments. */
export type RecordKey = { dataKey: Buffer; salt: Buffer }

/** `version (1) ‖ ciphertext ‖ tag (16)`. */
export function sealContent(dataKey: Buffer, plain: Buffer): Buffer {
  const cipher = createCipheriv(CIPHER, dataKey, CONTENT_NONCE)
  cipher.setAAD(CONTENT_LABEL)
  const sealed = Buffer.allocUnsafe(1 + plain.length + TAG)
  sealed[0] = CONTENT_VERSION
  cipher.update(plain).copy(sealed, 1)
  cipher.final()
  cipher.getAuthTag().copy(sealed, 1 + plain.length)
  return sealed
}

/** The plaintext of sealContent; throws `log_inconsistent` when a bit differs. */
export function openContent(dataKey: Buffer, sealed: Buffer): Buffer {
  if (sealed.length < 1 + TAG || sealed[0] !== CONTENT_VERSION) throw damaged('content')
  return open(dataKey, CONTENT_NONCE, CONTENT_LABEL, sealed.subarray(1), 'content')
}

/** `key id (8) ‖ nonce (12) ‖ encrypted data key and salt (64) ‖ tag (16)`; `dataKeyAndSalt` is 64 octets. */
export function wrapRecordKey(logKey: LogKey, nonce: Buffer, dataKeyAndSalt: Buffer): Buffer {
  const cipher = createCipheriv(CIPHER, logKey.key, nonce)
  cipher.setAAD(WRAP_LABEL)
  const wrapped = Buffer.allocUnsafe(KEY_ID_LENGTH + NONCE + 2 * KEY + TAG)
  logKey.id.copy(wrapped)
  nonce.copy(wrapped, KEY_ID_LENGTH)
  cipher.update(dataKeyAndSalt).copy(wrapped, KEY_ID_LENGTH + NONCE)
  cipher.final()
  cipher.getAuthTag().copy(wrapped, KEY_ID_LENGTH + NONCE + 2 * KEY)
  return wrapped
}

/** The id of the log key that a record key is wrapped by. */
export function wrappingKeyId(wrapped: Buffer): Buffer {
  if (wrapped.length !== KEY_ID_LENGTH + NONCE + 2 * KEY + TAG) throw damaged('record key')
  return wrapped.subarray(0, KEY_ID_LENGTH)
}

/** Opens a wrapped record key; throws `log_inconsistent` when a bit differs. */
export function unwrapRecordKey(logKey: Buffer, wrapped: Buffer): RecordKey {
  const nonce = wrapped.subarray(KEY_ID_LENGTH, KEY_ID_LENGTH + NONCE)
  const plain = open(logKey, nonce, WRAP_LABEL, wrapped.subarray(KEY_ID_LENGTH + NONCE), 'record key')
  return { dataKey: plain.subarray(0, KEY), salt: plain.subarray(KEY) }
}

function open(key: Buffer, nonce: Buffer, label: Buffer, sealed: Buffer, what: string): Buffer {
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG })
  decipher.setAAD(label)
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG))
  const plain = decipher.update(sealed.subarray(0, sealed.length - TAG))
  try {
    decipher.final()
  } catch (cause) {
    throw damaged(what, cause)
  }
  return plain
}

function damaged(what: string, cause?: unknown): Fault {
  return new Fault('log_inconsistent', { what: `the ${what} does not decrypt`, cause })
}
