/**
 * Reads the character strings and times of DER: known character sets, real calendar dates, always UTC with
 * seconds.
 */
import { type Der, expectTag, malformed, TAG } from './der-element.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Reads any string type that names use: UTF8, Printable, IA5, Numeric, Teletex (as Latin-1), BMP. Throws
 * `malformed_der` for U+0000.
 */
export function readText(der: Der | undefined): string {
  if (der === undefined) throw malformed('string is missing')
  return withoutZero(decode(der.content, der.tag))
}

/** Reads an IA5String, usually an implicitly tagged one (addresses in a GeneralName). */
export function readIa5(der: Der | undefined, tag: number = TAG.ia5String): string {
  return withoutZero(decode(expectTag(der, tag, 'IA5 string').content, TAG.ia5String))
}

// A C program would end the name at the zero character, so the two programs would read two names.
function withoutZero(text: string): string {
  if (text.includes('\0')) throw malformed('string with a zero character')
  return text
}

function decode(content: Buffer, tag: number): string {
  switch (tag) {
    case TAG.utf8String:
      return isAscii(content) ? content.toString('latin1') : decodeUtf8(content)
    case TAG.printableString:
    case TAG.ia5String:
    case TAG.numericString:
      // Deployed authorities write '@', '*' and '_' into PrintableString; for characters beyond ASCII there
      // is no agreed reading.
      if (!isAscii(content)) throw malformed('string with characters outside ASCII')
      return content.toString('latin1')
    case TAG.teletexString:
      return content.toString('latin1')
    case TAG.bmpString:
      return decodeBmp(content)
    default:
      throw malformed('not a string')
  }
}

function isAscii(content: Buffer): boolean {
  for (let i = 0; i < content.length; i++) if (content[i]! >= 0x80) return false
  return true
}

function decodeUtf8(content: Buffer): string {
  try {
    return utf8.decode(content)
  } catch {
    throw malformed('string that is not UTF-8')
  }
}

function decodeBmp(content: Buffer): string {
  if (content.length % 2 !== 0) throw malformed('BMPString of odd length')
  const text = Buffer.from(content).swap16().toString('utf16le')
  if (/[\ud800-\udfff]/.test(text)) throw malformed('BMPString with surrogates')
  return text
}

/**
 * Reads UTCTime (years 1950 to 2049) or GeneralizedTime, both with seconds and 'Z'. Fractions of a second,
 * which RFC 3161 allows and RFC 5280 forbids, are accepted only with `fractions`; they are cut to
 * milliseconds.
 */
export function readTime(der: Der | undefined, options: { fractions?: boolean } = {}): Date {
  if (der === undefined) throw malformed('time is missing')
  const text = der.content.toString('latin1')
  if (der.tag === TAG.utcTime) {
    if (!/^[0-9]{12}Z$/.test(text)) throw malformed('UTCTime not in DER form')
    return dateOf(`${text[0]! < '5' ? '20' : '19'}${text}`, 0)
  }
  expectTag(der, TAG.generalizedTime, 'time')
  const match = /^[0-9]{14}(?:\.([0-9]{0,9}[1-9]))?Z$/.exec(text)
  if (match === null || (match[1] !== undefined && options.fractions !== true)) {
    throw malformed('GeneralizedTime not in DER form')
  }
  return dateOf(text, Number((match[1] ?? '').padEnd(3, '0').slice(0, 3)))
}

function dateOf(text: string, milliseconds: number): Date {
  const field = (at: number): number => Number(text.slice(at, at + 2))
  const year = Number(text.slice(0, 4))
  const date = new Date(0)
  date.setUTCFullYear(year, field(4) - 1, field(6))
  date.setUTCHours(field(8), field(10), field(12), milliseconds)
  // Date turns the 31st of February and second 60 into another date: compare the result with the text.
  if (
    date.getUTCFullYear() !== year ||
    date.getUTCMonth() !== field(4) - 1 ||
    date.getUTCDate() !== field(6) ||
    date.getUTCHours() !== field(8) ||
    date.getUTCMinutes() !== field(10) ||
    date.getUTCSeconds() !== field(12)
  ) {
    throw malformed('time that does not exist')
  }
  return date
}
