/**
 * Parses the signed directory of a global configuration (pr-gconf): its parts, their locations and their
 * hashes. Works on bytes, because the signed content must be exactly one slice of the received bytes.
 */
import { Fault } from '#schemas/fault.ts'
import { type DirectoryHead, type DirectoryPart, readHead, readPart } from './directory-parts.ts'
import { blockHeaders, type Headers, hashWithAlgorithm, headerOf, parameterOf } from './mime-headers.ts'
import { digestOfUri } from './signature-method.ts'

export type Directory = DirectoryHead & {
  parts: DirectoryPart[]
  signedBytes: Buffer
  signature: Buffer
  signatureAlgorithmId: string
  /** Hash of the DER certificate whose key signed the directory. */
  certHash: Buffer
  certHashAlgorithm: string
}

const MAX_BYTES = 1024 * 1024
const MAX_PARTS = 64
// RFC 2046. The outer head may also have lines that end with LF only, as X-Road's configuration proxy writes
// it.
const OUTER_HEAD = /^(?:[^\r\n]{1,1000}\r?\n){1,8}\r?\n/
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/

/**
 * Parses a directory document; throws `malformed_global_conf` for any mistake. Does not verify the signature.
 */
export function parseDirectory(body: Buffer): Directory {
  if (body.length > MAX_BYTES) throw malformed(`it is larger than ${MAX_BYTES} bytes`)
  const text = body.toString('latin1')
  const head = OUTER_HEAD.exec(text)
  if (head === null) throw malformed('the outer head is missing')
  const outer = boundaryOf(blockHeaders(head[0].trimEnd().split(/\r?\n/)), 'multipart/related')
  const [signedPart, signaturePart] = outerParts(text.slice(head[0].length), outer, head[0].length)
  const signedBytes = body.subarray(signedPart.start, signedPart.end)
  const inner = boundaryOf(signedPart.headers, 'multipart/mixed')
  const { head: signedHead, parts } = readSigned(signedBytes.toString('latin1'), inner)
  return { ...signedHead, parts, signedBytes, ...readSignature(signaturePart, text) }
}

type Slice = { headers: Headers; start: number; end: number }

function outerParts(text: string, boundary: string, offset: number): [Slice, Slice] {
  const [preamble, ...rest] = `\r\n${text}`.split(`\r\n--${boundary}`)
  const [first, second, end] = rest
  if (preamble !== '' || rest.length !== 3 || (end !== '--' && end !== '--\r\n')) {
    throw malformed('it does not consist of a signed part and a signature')
  }
  const secondOffset = offset + `--${boundary}`.length + first!.length + '\r\n'.length
  return [slice(first!, offset, boundary), slice(second!, secondOffset, boundary)]
}

/**
 * A part's headers, and the position of its body in the document. The line break before the next delimiter is
 * not part of the body.
 */
function slice(part: string, delimiterAt: number, boundary: string): Slice {
  const blank = part.indexOf('\r\n\r\n')
  if (!part.startsWith('\r\n') || blank < 2) throw malformed('a part has no headers')
  const partAt = delimiterAt + `--${boundary}`.length
  return {
    headers: blockHeaders(part.slice(2, blank).split('\r\n')),
    start: partAt + blank + 4,
    end: partAt + part.length,
  }
}

function readSigned(text: string, boundary: string): { head: DirectoryHead; parts: DirectoryPart[] } {
  const [preamble, ...blocks] = `\r\n${text}`.split(`\r\n--${boundary}`)
  const [headBlock, ...rest] = blocks
  const end = rest.pop()
  if (preamble !== '' || end !== '--\r\n' || headBlock === undefined)
    throw malformed('the signed part is cut')
  if (rest.length > MAX_PARTS) throw malformed(`it lists more than ${MAX_PARTS} parts`)
  const parts = rest.map(readPart)
  const names = new Set(parts.map((part) => `${part.instance}\0${part.identifier}`))
  if (names.size !== parts.length) throw malformed('a part is listed twice')
  return { head: readHead(headBlock), parts }
}

function readSignature(
  part: Slice,
  text: string,
): Pick<Directory, 'signature' | 'signatureAlgorithmId' | 'certHash' | 'certHashAlgorithm'> {
  if (headerOf(part.headers, 'content-transfer-encoding').toLowerCase() !== 'base64') {
    throw malformed('the signature is not in base64')
  }
  const { hash, algorithm } = hashWithAlgorithm(headerOf(part.headers, 'verification-certificate-hash'))
  digestOfUri(algorithm)
  const value = text.slice(part.start, part.end)
  const signature = Buffer.from(value, 'base64')
  if (!BASE64.test(value) || signature.toString('base64') !== value)
    throw malformed('the signature is not base64')
  return {
    signature,
    signatureAlgorithmId: headerOf(part.headers, 'signature-algorithm-id'),
    certHash: hash,
    certHashAlgorithm: algorithm,
  }
}

function boundaryOf(headers: Headers, mediaType: string): string {
  const { value, parameters } = parameterOf(headerOf(headers, 'content-type'))
  const boundary = parameters.get('boundary')
  if (
    value.toLowerCase() !== mediaType ||
    boundary === undefined ||
    !/^[A-Za-z0-9'()+_,./:=?-]{1,70}$/.test(boundary)
  ) {
    throw malformed(`${mediaType} with a boundary is expected`)
  }
  return boundary
}

function malformed(what: string): Fault {
  return new Fault('malformed_global_conf', { what: `directory: ${what}` })
}
