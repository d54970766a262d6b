/**
 * Identifiers as text, "DEV/GOV/1002/tax": percent-encoded codes joined by slashes (X-Road message protocol
 * for REST, section 4.1). Guarantees that equal identifiers have equal texts and that none reads as two. What
 * a security server would refuse is refused here; a test holds both to the same rules.
 */
import { ExchangeError } from './exchange-error.ts'

const PCHAR = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})+$/
/**
 * Control characters, separators, invisible marks and half a pair of surrogates, as a security server has it.
 */
const FORBIDDEN = /[\u0000-\u001f\u007f-\u009f%:;/\\\u200b\ufeff\ud800-\udfff]/u
const MAX_LENGTH = 255

/**
 * The text of an identifier from its plain codes: `identifier('DEV', 'GOV', '10 02', 'tax')` is
 * "DEV/GOV/10%2002/tax". Throws `invalid_argument` for a code that no identifier may have.
 */
export function identifier(...codes: string[]): string {
  return codes.map((code) => encodeCode(checkCode(code))).join('/')
}

/** The plain codes of an identifier's text. */
export function codesOf(text: string): string[] {
  return text.split('/').map(decodeCode)
}

/**
 * The one text of this identifier. Throws `invalid_argument`, naming `what`, unless it has `least` to `most`
 * codes.
 */
export function readIdentifier(what: string, text: string, least: number, most = least): string {
  const given = typeof text === 'string' ? text.split('/').length : 0
  if (given < least || given > most) {
    const wanted = least === most ? `${least}` : `${least} to ${most}`
    throw new ExchangeError('invalid_argument', {
      what: `${what} needs ${wanted} codes with slashes, not ${given}`,
    })
  }
  try {
    return identifier(...codesOf(text))
  } catch (cause) {
    throw new ExchangeError('invalid_argument', { what: `a code of ${what} is not allowed`, cause })
  }
}

/** Whether two texts of any origin name the same codes; X-Road may write them in another way than we do. */
export function isSameIdentifier(one: string, other: string): boolean {
  try {
    return identifier(...codesOf(one)) === identifier(...codesOf(other))
  } catch {
    return false
  }
}

function encodeCode(code: string): string {
  return encodeURIComponent(code).replace(/%(24|26|2B|2C|3B|3D|3A|40)/g, (encoded) =>
    String.fromCharCode(Number.parseInt(encoded.slice(1), 16)),
  )
}

function decodeCode(segment: string): string {
  if (!PCHAR.test(segment)) throw malformed()
  try {
    return checkCode(decodeURIComponent(segment))
  } catch {
    throw malformed()
  }
}

function checkCode(code: string): string {
  const isFit = code.length > 0 && code.length <= MAX_LENGTH && !FORBIDDEN.test(code)
  if (!isFit || code === '.' || code === '..') throw malformed()
  return code
}

function malformed(): ExchangeError {
  return new ExchangeError('invalid_argument', { what: 'a code of an identifier is not allowed' })
}
