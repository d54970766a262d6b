/** The multipart bytes between servers as X-Road writes them (MultipartEncoder.java, pr-messtransp). */
import { randomBytes } from 'node:crypto'
import { Fault } from '#schemas/fault.ts'
import type { HeaderList } from './header-list.ts'

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const LENGTH = 30
// Asking the system for 30 bytes costs as much as asking for thousands.
const AT_ONCE = 128
let random = Buffer.alloc(0)
let next = 0
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/** `prefix` and 30 random letters, over 160 bits: nobody can foresee it and write it into a body. */
export function newBoundary(prefix: 'xtop' | 'xatt' | 'xroad'): string {
  if (next + LENGTH > random.length) {
    random = randomBytes(LENGTH * AT_ONCE)
    next = 0
  }
  let boundary: string = prefix
  for (const end = next + LENGTH; next < end; next++) boundary += LETTERS[random[next]! % LETTERS.length]
  return boundary
}

/** Delimiter, `content-type` and `extra` headers, and the empty line: the part's body follows it directly. */
export function partHead(
  boundary: string,
  contentType: string,
  first: boolean,
  extra: HeaderList = [],
): Buffer {
  return Buffer.from(partHeadText(boundary, contentType, first, extra), 'latin1')
}

/** The same as text, a character an octet. */
export function partHeadText(
  boundary: string,
  contentType: string,
  first: boolean,
  extra: HeaderList = [],
): string {
  let head = `${first ? '' : '\r\n'}--${boundary}\r\ncontent-type: ${contentType}\r\n`
  for (const [name, value] of extra) {
    if (!TOKEN.test(name) || !VALUE.test(value)) throw new Fault('invalid_header', { what: 'of a part' })
    head += `${name}: ${value}\r\n`
  }
  if (!VALUE.test(contentType)) throw new Fault('invalid_content_type', { what: 'of a part' })
  return `${head}\r\n`
}

/** What ends a multipart, nested or outer. */
export function closeDelimiter(boundary: string): Buffer {
  return Buffer.from(closeText(boundary), 'latin1')
}

export function closeText(boundary: string): string {
  return `\r\n--${boundary}--\r\n`
}

/** `content-id` as programs of our days write it: Content-ID. Names of MIME headers are read in any case. */
export function mimeName(lower: string): string {
  return lower.replace(/(?:^|-)[a-z]/g, (first) => first.toUpperCase()).replace(/-Id$/, '-ID')
}
