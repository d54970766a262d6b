/**
 * One meaning for one path: what a back end could read in two ways is refused, and access rights are
 * matched against the one decoded form that is left. X-Road normalises instead (UriUtils.decodeAndNormalize).
 */
import { Fault } from '#schemas/fault.ts'

export { checkPathGlob, matchPathGlob } from './path-glob.ts'

// Nothing here can be read in two ways: no escape, dot, parameter or empty segment.
const PLAIN = /^(?:\/[A-Za-z0-9\-_~!$&'()*+,=:@]+)*\/?$/
const PCHARS = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*$/
const CONTROL = /[\u0000-\u001f\u007f-\u009f\\]/
const DOTS = /^[. ]*\.[. ]*$/

/**
 * Checks a raw service path ('' or '/...') and returns the form that access rights are matched against:
 * segments percent-decoded, except that an encoded slash stays `%2F` and an encoded percent sign `%25`. The
 * path itself is signed and forwarded as it came. Throws `invalid_path`.
 */
export function checkServicePath(path: string, o: { allowEncodedSlash?: boolean | undefined } = {}): string {
  if (PLAIN.test(path)) return path
  if (!path.startsWith('/') || !PCHARS.test(path)) throw refused('a character may not stand in a path')
  const segments = path.slice(1).split('/')
  let decoded = ''
  for (const [i, segment] of segments.entries()) {
    decoded += `/${checkSegment(segment, i === segments.length - 1, o.allowEncodedSlash === true)}`
  }
  return decoded
}

function checkSegment(segment: string, last: boolean, allowEncodedSlash: boolean): string {
  const text = decode(segment)
  if (CONTROL.test(text)) throw refused('an encoded control character or a backslash')
  if (text.includes('/') && !allowEncodedSlash) throw refused('an encoded slash')
  // Servers that cut path parameters off (`/..;x/`, `/;x/`) see what is left of the semicolon.
  if (text.split(';', 1)[0] === '' && !(last && text === '')) throw refused('an empty segment')
  // Pieces, because a back end may decode %2F first; escapes once more, because some decode twice.
  for (const piece of text.split(/\/|%2f|%5c/i)) {
    const name = piece.split(';', 1)[0] as string
    if (DOTS.test(name.replace(/%2e/gi, '.'))) throw refused('a dot segment')
  }
  return text.replaceAll('%', '%25').replaceAll('/', '%2F')
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch (cause) {
    throw new Fault('invalid_path', { what: 'an escape is not UTF-8', cause })
  }
}

function refused(what: string): Fault {
  return new Fault('invalid_path', { what })
}
