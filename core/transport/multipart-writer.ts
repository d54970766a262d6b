/** The multipart bytes between servers as X-Road writes them (MultipartEncoder.java, wire 2.3). */
import { randomFillSync } from 'node:crypto'
import { Fault } from '#schemas/fault.ts'
import type { HeaderList } from './header-list.ts'

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const LENGTH = 30
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const VALUE = /^[\t\x20-\x7e\xa0-\xff]*$/

/** `prefix` and 30 random letters, over 160 bits: nobody can foresee it and write it into a body. */
export function newBoundary(prefix: 'xtop' | 'xatt'): string {
  let boundary: string = prefix
  for (const byte of randomFillSync(new Uint8Array(LENGTH))) boundary += LETTERS[byte % LETTERS.length]
  return boundary
}

/** The content type of the whole. */
export function multipartType(boundary: string): string {
  return `multipart/mixed; charset=UTF-8; boundary=${boundary}`
}

/** Delimiter, `content-type` and `extra` headers, and the empty line: the part's body follows it directly. */
export function partHead(
  boundary: string,
  contentType: string,
  first: boolean,
  extra: HeaderList = [],
): Buffer {
  let head = `${first ? '' : '\r\n'}--${boundary}\r\ncontent-type: ${contentType}\r\n`
  for (const [name, value] of extra) {
    if (!TOKEN.test(name) || !VALUE.test(value)) throw new Fault('invalid_header', { what: 'of a part' })
    head += `${name}: ${value}\r\n`
  }
  if (!VALUE.test(contentType)) throw new Fault('invalid_content_type', { what: 'of a part' })
  return Buffer.from(`${head}\r\n`, 'latin1')
}

/** What ends a multipart, nested or outer. */
export function closeDelimiter(boundary: string): Buffer {
  return Buffer.from(`\r\n--${boundary}--\r\n`, 'latin1')
}
