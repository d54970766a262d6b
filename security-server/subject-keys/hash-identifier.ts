/** The keyed hash of an identifier: HMAC-SHA-256 by month, salted by its type, so that nothing ties two months or types. */
import { createHmac } from 'node:crypto'
import { normaliseIdentifier } from '#core/subject/identifier.ts'
import { Fault } from '#schemas/fault.ts'

/** Octets that are kept: enough that no two people of a country ever meet. */
const KEPT = 16
const KEY_ID = 8

/** Hexadecimal. Throws `invalid_input` for what is no identifier. */
export function hashIdentifier(key: Buffer, type: string, identifier: string): string {
  const one = normaliseIdentifier(identifier)
  if (one === undefined) throw new Fault('invalid_input', { what: 'an identifier is empty or too long' })
  const salted = hmac(key, `identifier of type ${type}`)
  return hmac(salted, one).subarray(0, KEPT).toString('hex')
}

/** That a hash was answered for a record: tells nothing without the key. */
export function digestHash(key: Buffer, index: number, hash: string): Buffer {
  return hmac(hmac(key, 'what was answered for a record'), `${index} ${hash}`)
}

/** By which a key is told from another one of the same month: hexadecimal, and of no use without the key. */
export function keyIdOf(key: Buffer): string {
  return hmac(key, 'id of the key').subarray(0, KEY_ID).toString('hex')
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
