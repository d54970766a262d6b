/** Names of files: what may be one at all, and the one that a pattern of the settings makes of a client's checked values. */
import { Fault } from '#schemas/fault.ts'

export type NamePart = { text: string } | { parameter: string }

const MAX_BYTES = 255
// C0, C1 and DEL; separators of either system; the characters that show a text in another order; a byte that was no UTF-8.
const NOT_PLAIN = /[\u0000-\u001f\u007f-\u009f/\\\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufffd]/

/** Whether this is the name of a file in the folder itself, and of none that is hidden. A name that is not plain is never opened. */
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
