/** The value of a `ce-` header: percent-encoding of the HTTP protocol binding, section 3.1.3.2. */
import { isUtf8 } from 'node:buffer'

const PLAIN = /^[\t\x20-\x7e]*$/
const ENCODED = /%(..?)?/g
const HEX = /^[0-9A-Fa-f]{2}$/
/** All but U+0021 to U+007E, and the two of these that are encoded as well. */
const TO_ENCODE = /[^\x21-\x7e]|["%]/gu

/**
 * The text of a header's value: double quotes undone, then one round of percent-decoding. Undefined for what
 * is no such value: other characters than printable ASCII, a quote without its other one, a `%` without two
 * hexadecimal digits, bytes that are not UTF-8.
 */
export function decodeHeaderValue(value: string): string | undefined {
  if (!PLAIN.test(value)) return undefined
  const text = unquote(withoutOuterSpace(value))
  if (text === undefined || !text.includes('%')) return text
  let isBroken = false
  const latin1 = text.replace(ENCODED, (_, digits: string | undefined) => {
    if (digits === undefined || !HEX.test(digits)) isBroken = true
    return String.fromCharCode(Number.parseInt(digits ?? '0', 16))
  })
  const bytes = Buffer.from(latin1, 'latin1')
  return isBroken || !isUtf8(bytes) ? undefined : bytes.toString('utf8')
}

/** The value that stands for a text in a header. The text must be well formed. */
export function encodeHeaderValue(text: string): string {
  return text.replace(TO_ENCODE, (character) =>
    [...Buffer.from(character)]
      .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
      .join(''),
  )
}

/**
 * A regular expression for the end would begin anew at each blank inside: 64 KiB of them would take it 20 s.
 */
function withoutOuterSpace(value: string): string {
  const isSpace = (at: number): boolean => value[at] === ' ' || value[at] === '\t'
  let [from, to] = [0, value.length]
  while (from < to && isSpace(from)) from++
  while (to > from && isSpace(to - 1)) to--
  return value.slice(from, to)
}

/**
 * Quotes may stand anywhere in the value; within them a backslash takes the next character as it is (RFC
 * 7230, 3.2.6).
 */
function unquote(value: string): string | undefined {
  if (!value.includes('"')) return value
  let isQuoted = false
  let text = ''
  for (let at = 0; at < value.length; at++) {
    const character = value[at]!
    if (character === '"') isQuoted = !isQuoted
    else if (character !== '\\' || !isQuoted) text += character
    else if (++at < value.length) text += value[at]!
  }
  return isQuoted ? undefined : text
}
