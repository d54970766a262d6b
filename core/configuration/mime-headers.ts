/**
 * Header lines inside a directory document: each name once, values decoded as UTF-8, parameters in either
 * kind of quotes.
 */
import { isUtf8 } from 'node:buffer'
import { Fault } from '#schemas/fault.ts'

/** Values by lower-case name. */
export type Headers = ReadonlyMap<string, string>

// Blanks around a value are cut off after matching; a pattern that looks for the end of the value would take
// quadratic time.
const LINE = /^([A-Za-z][A-Za-z0-9-]{0,63}):([^\0-\x08\x0a-\x1f\x7f]{0,2000})$/
const BLANKS = ' \t'
const PARAMETER = /^[ \t]*([A-Za-z-]+)=(?:"([^"]*)"|'([^']*)'|([^"';]*))[ \t]*$/
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/

/**
 * Reads header lines (latin1 text of the bytes); refuses folded or repeated headers and headers without a
 * name.
 */
export function blockHeaders(lines: string[]): Headers {
  const headers = new Map<string, string>()
  for (const line of lines) {
    const [, name, value] = LINE.exec(line) ?? []
    if (name === undefined || value === undefined) throw malformed('a header line is malformed')
    const bytes = Buffer.from(withoutBlanks(value), 'latin1')
    if (headers.has(name.toLowerCase())) throw malformed(`the header ${name} stands twice`)
    if (!isUtf8(bytes)) throw malformed(`the header ${name} is not UTF-8`)
    headers.set(name.toLowerCase(), bytes.toString('utf8'))
  }
  return headers
}

function withoutBlanks(value: string): string {
  let [start, end] = [0, value.length]
  while (start < end && BLANKS.includes(value[start]!)) start += 1
  while (end > start && BLANKS.includes(value[end - 1]!)) end -= 1
  return value.slice(start, end)
}

/** The value of a header that must be present. */
export function headerOf(headers: Headers, name: string): string {
  const value = headers.get(name)
  if (value === undefined || value === '') throw malformed(`the header ${name} is missing`)
  return value
}

/**
 * Splits `value; name=parameter`. Central servers quote with ', configuration proxies with " or not at all.
 */
export function parameterOf(text: string): { value: string; parameters: ReadonlyMap<string, string> } {
  const [value, ...rest] = text.match(/(?:"[^"]*"|'[^']*'|[^;"'])+/g) ?? ['']
  const parameters = new Map<string, string>()
  for (const part of rest) {
    const [, name, double, single, bare] = PARAMETER.exec(part) ?? []
    const parameter = double ?? single ?? bare
    if (name === undefined || parameter === undefined || parameters.has(name.toLowerCase())) {
      throw malformed('a header parameter is malformed')
    }
    parameters.set(name.toLowerCase(), parameter.trim())
  }
  return { value: (value as string).trim(), parameters }
}

/** Reads `base64; hash-algorithm-id="uri"`. */
export function hashWithAlgorithm(text: string): { hash: Buffer; algorithm: string } {
  const { value, parameters } = parameterOf(text)
  const algorithm = parameters.get('hash-algorithm-id')
  if (algorithm === undefined) throw malformed('a hash has no hash-algorithm-id')
  return { hash: strictBase64(value), algorithm }
}

/** Reads canonical base64 on one line. */
export function strictBase64(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64')
  if (!BASE64.test(text) || bytes.toString('base64') !== text) throw malformed('a hash is not base64')
  return bytes
}

function malformed(what: string): Fault {
  return new Fault('malformed_global_conf', { what: `directory: ${what}` })
}
