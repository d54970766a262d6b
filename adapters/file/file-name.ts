/**
 * Names of files: what may be one at all, and the one that a pattern of the settings makes of a client's
 * checked values.
 */
import { createHash } from 'node:crypto'
import { Fault } from '#schemas/fault.ts'

export type NamePart = { text: string } | { parameter: string }

const MAX_BYTES = 255
// C0, C1 and DEL; separators of either system; the characters that show a text in another order; a byte that
// was no UTF-8.
const NOT_PLAIN = /[\u0000-\u001f\u007f-\u009f/\\\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffd]/

/**
 * Whether this is the name of a file in the folder itself, and of none that is hidden. A name that is not
 * plain is never opened.
 */
export function isPlainName(name: string): boolean {
  return (
    name !== '' &&
    !name.startsWith('.') &&
    name.trim() === name &&
    name.isWellFormed() &&
    !NOT_PLAIN.test(name) &&
    Buffer.byteLength(name) <= MAX_BYTES
  )
}

/**
 * The name with `more` behind it. What would be too long is cut off, and a digest of the name stands in its
 * place.
 */
export function nameBehind(name: string, more: string): string {
  if (Buffer.byteLength(name + more) <= MAX_BYTES) return name + more
  const end = `~${createHash('sha256').update(name).digest('hex').slice(0, 32)}${more}`
  const bytes = Buffer.from(name).subarray(0, MAX_BYTES - Buffer.byteLength(end))
  // Of a character that was cut, what is left reads as the mark for it.
  return bytes.toString().replace(/\ufffd$/, '') + end
}

export function readPattern(pattern: string): NamePart[] {
  return pattern
    .split(/(\{[^}]+\})/)
    .filter((text) => text !== '')
    .map((text) => (text.startsWith('{') ? { parameter: text.slice(1, -1) } : { text }))
}

/** The name for these values. Throws `invalid_input` for values that make none, such as one with a slash. */
export function nameOf(parts: NamePart[], given: ReadonlyMap<string, unknown>): string {
  const name = parts.map((part) => ('text' in part ? part.text : String(given.get(part.parameter)))).join('')
  if (!isPlainName(name)) throw new Fault('invalid_input', { what: 'no file can be called so' })
  return name
}
