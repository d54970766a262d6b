/**
 * The header lines of a REST message: kept in order, case and repetition, printed and read back without a
 * changed byte.
 */
import { isUtf8 } from 'node:buffer'
import { Fault, type FaultCode } from '#schemas/fault.ts'
import { HEADER } from '#schemas/wire.ts'

/** Headers as they arrived: order, case and repeats are part of the signed message. */
export type HeaderList = [name: string, value: string][]

/**
 * The most bytes that the head of a message (method or status, target, headers) may take, and a target alone.
 */
const MAX_HEAD_BYTES = 65_536
export const MAX_TARGET_LENGTH = 8_192
const MAX_ID_LENGTH = 255

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const ASCII_VALUE = /^[\t\x20-\x7e]*$/
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f-\x9f]/
/** Control characters, and line ends that are not CRLF. */
const NO_LINES = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]|\r(?!\n)|(?<!\r)\n/
const ID = /^[\x20-\x7e]+$/
const CONNECTION = 'connection'
const ODD = /[^a-z0-9-]/
const FRAMING: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding'])
const NOTHING: ReadonlySet<string> = new Set()
const OF_SERVERS: ReadonlySet<string> = new Set([
  HEADER.error,
  HEADER.hashAlgorithm,
  HEADER.proxyVersion,
  HEADER.originalContentType,
  HEADER.messageType,
  HEADER.originalSoapAction,
])

/** The names (lower case) that the Connection headers list: meant for this hop alone (RFC 9110 7.6.1). */
export function connectionListed(headers: HeaderList): ReadonlySet<string> {
  let listed: Set<string> | undefined
  for (const [name, value] of headers) {
    if (name.length !== CONNECTION.length || name.toLowerCase() !== CONNECTION) continue
    listed ??= new Set()
    for (const option of value.split(',')) listed.add(option.trim().toLowerCase())
  }
  return listed ?? NOTHING
}

/**
 * Whether software behind us may take this name (lower case) for an X-Road header or one that frames the
 * message: CGI, WSGI and their kin know one character for all that is no letter or digit, so that
 * X_Road_Client is X-Road-Client to them.
 */
export function isTwin(lower: string): boolean {
  if (!ODD.test(lower)) return false
  const plain = lower.replace(/[^a-z0-9]/g, '-')
  return plain.startsWith('x-road-') || FRAMING.has(plain)
}

/**
 * Whether this header (lower case) is the word of a security server, which no system of a provider may put
 * into its answer.
 */
export function isOfServers(lower: string): boolean {
  return OF_SERVERS.has(lower) || lower.startsWith('x-concordat-')
}

/**
 * Pairs of Node's or undici's flat `rawHeaders`, without those that `drop` or a Connection header names;
 * ASCII values only.
 */
export function pairHeaders(rawHeaders: readonly string[], drop: (lower: string) => boolean): HeaderList {
  const all: HeaderList = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) all.push([rawHeaders[i]!, rawHeaders[i + 1]!])
  const listed = connectionListed(all)
  let size = 0
  return all.filter(([name, value]) => {
    const lower = name.toLowerCase()
    if (drop(lower) || listed.has(lower)) return false
    size += name.length + value.length + 3
    if (size > MAX_HEAD_BYTES) throw new Fault('headers_too_large', { what: `over ${MAX_HEAD_BYTES} bytes` })
    if (!TOKEN.test(name)) throw new Fault('invalid_header', { what: 'a header name is not a token' })
    if (isTwin(lower)) throw new Fault('invalid_header', { what: `${name} can be taken for another header` })
    // Node hands bytes out as Latin-1, X-Road prints them as UTF-8: only ASCII means the same to both.
    if (!ASCII_VALUE.test(value)) throw new Fault('invalid_header', { what: `${name} is not plain ASCII` })
    return true
  })
}

/**
 * `name:value CRLF` for each header. A line break in a value would forge a line: a fault, whoever wrote it.
 */
export function headerLines(headers: HeaderList): string {
  let lines = ''
  for (const [name, value] of headers) {
    if (!TOKEN.test(name) || CONTROL.test(value)) {
      throw new Fault('invalid_header', { what: 'a header may not stand in a message' })
    }
    lines += `${name}:${value}\r\n`
  }
  return lines
}

/**
 * The lines of a signed message part. X-Road's reader takes CR, LF and CRLF for line ends and prints CRLF, so
 * only text in which every line, the last included, ends in CRLF and nothing else breaks one survives its
 * round trip.
 */
export function messageLines(bytes: Buffer): string[] {
  if (bytes.length > MAX_HEAD_BYTES) {
    throw new Fault('headers_too_large', { what: `over ${MAX_HEAD_BYTES} bytes` })
  }
  if (!isUtf8(bytes)) throw malformed('not UTF-8')
  const text = bytes.toString('utf8')
  const lines = text.split('\r\n')
  if (lines.pop() !== '' || lines.length < 2) throw malformed('the last line has no end')
  if (NO_LINES.test(text)) throw malformed('a control character stands in a line')
  return lines
}

/**
 * Headers from line `from` on; an empty line, a missing colon, a non-token name or one that `refuse` names is
 * a fault.
 */
export function readHeaders(
  lines: readonly string[],
  from: number,
  refuse: (lower: string) => boolean,
): HeaderList {
  const headers: HeaderList = []
  for (let i = from; i < lines.length; i++) {
    const line = lines[i] as string
    const colon = line.indexOf(':')
    const name = line.slice(0, colon)
    if (colon < 1 || !TOKEN.test(name)) throw malformed('a line is not a header')
    if (refuse(name.toLowerCase())) throw malformed(`the header ${name} may not stand in a signed message`)
    headers.push([name, line.slice(colon + 1)])
  }
  return headers
}

/** The value of the first header of this name, which is written in lower case here and in any case there. */
export function headerValue(headers: HeaderList, lower: string): string | undefined {
  return headers.find(([name]) => name.length === lower.length && name.toLowerCase() === lower)?.[1]
}

/** The values of all headers of this name, which is written in lower case. */
export function headerValues(headers: HeaderList, lower: string): string[] {
  return headers.filter(([name]) => name.toLowerCase() === lower).map(([, value]) => value)
}

/** The values of the headers in `names` (lower case), each of which may stand once. */
export function fieldsOf(headers: HeaderList, names: ReadonlySet<string>): Map<string, string> {
  const fields = new Map<string, string>()
  for (const [name, value] of headers) {
    const lower = name.toLowerCase()
    if (!names.has(lower)) continue
    if (fields.has(lower)) throw new Fault('duplicate_header_field', { what: name })
    fields.set(lower, value)
  }
  return fields
}

/** `id` when it is printable ASCII of 1 to 255 characters: it goes into log lines, file names and indexes. */
export function checkId(id: string, name: string, code: FaultCode): string {
  if (id.length > MAX_ID_LENGTH || !ID.test(id)) {
    throw new Fault(code, { what: `${name} is not 1 to ${MAX_ID_LENGTH} printable ASCII characters` })
  }
  return id
}

/**
 * A value as undici and Node read it (a character a byte) as text: its bytes in UTF-8 where they are, else as
 * Latin-1. With flatHeaders at the other end a UTF-8 value crosses unchanged.
 */
export function valueText(value: string): string {
  if (ASCII_VALUE.test(value) || /[^\x00-\xff]/.test(value)) return value
  const bytes = Buffer.from(value, 'latin1')
  return isUtf8(bytes) ? bytes.toString('utf8') : value
}

/**
 * Headers as undici and Node write them (flat, one byte a character), so that a peer's UTF-8 value leaves as
 * its own bytes.
 */
export function flatHeaders(headers: HeaderList): string[] {
  const flat: string[] = []
  for (const [name, value] of headers)
    flat.push(name, ASCII_VALUE.test(value) ? value : Buffer.from(value, 'utf8').toString('latin1'))
  return flat
}

function malformed(what: string): Fault {
  return new Fault('invalid_message', { what })
}
