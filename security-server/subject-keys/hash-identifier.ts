/**
 * The keyed hash of an identifier: HMAC-SHA-256 with the key of a month, salted with the type, so that hashes
 * of two months or types cannot be linked.
 */
import { createHmac } from 'node:crypto'
import { normaliseIdentifier } from '#core/subject/identifier.ts'
import { Fault } from '#schemas/fault.ts'

/** How many bytes are kept: enough that the hashes of two people of a country never collide. */
const KEPT = 16
const KEY_ID = 8

/** Returns hex. Throws `invalid_input` for a text that is no identifier. */
export function hashIdentifier(key: Buffer, type: string, identifier: string): string {
  const one = normaliseIdentifier(identifier)
  if (one === undefined) throw new Fault('invalid_input', { what: 'an identifier is empty or too long' })
  const salted = hmac(key, `identifier of type ${type}`)
  return hmac(salted, one).subarray(0, KEPT).toString('hex')
}

/** A digest that remembers which hash was returned for a record; it reveals nothing without the key. */
export function digestHash(key: Buffer, index: number, hash: string): Buffer {
  return hmac(hmac(key, 'what was answered for a record'), `${index} ${hash}`)
}

/** Distinguishes two keys of the same month. Hex; useless without the key. */
export function keyIdOf(key: Buffer): string {
  return hmac(key, 'id of the key').subarray(0, KEY_ID).toString('hex')
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
