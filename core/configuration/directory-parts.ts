/**
 * Reads the blocks of a directory's signed content: the head with expiry and version, and one block for each
 * part.
 */
import { Fault } from '#schemas/fault.ts'
import { blockHeaders, headerOf, parameterOf, strictBase64 } from './mime-headers.ts'
import { digestOfUri, digestSize } from './signature-method.ts'
import { codeOf } from './xml-identifier.ts'

export type DirectoryHead = { expireDate: Date; version: number }

/** What a directory states about one part. */
export type DirectoryPart = {
  /** SHARED-PARAMETERS, PRIVATE-PARAMETERS or the name of an optional part. */
  identifier: string
  instance: string
  /** Absolute path on the source's host. */
  location: string
  hashAlgorithm: string
  hash: Buffer
  fileName?: string | undefined
}

const CODE = 'malformed_global_conf'
const EXPIRE_DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/
const OLDEST_VERSION = 2
const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/
const STAMP = /^\d{23}$/
const MAX_LOCATION = 1024

/** Reads the first block, which has headers only. Without a version header it is version 2. */
export function readHead(block: string): DirectoryHead {
  const lines = block.split('\r\n')
  // The central server writes the delimiter after the headers' blank line; the configuration proxy also
  // writes an empty body.
  while (lines.at(-1) === '') lines.pop()
  if (lines.shift() !== '') throw malformed('the head is malformed')
  const headers = blockHeaders(lines)
  const expires = headerOf(headers, 'expire-date')
  const expireDate = new Date(expires)
  if (!EXPIRE_DATE.test(expires) || Number.isNaN(expireDate.getTime()))
    throw malformed('Expire-date is not a time')
  const version = headers.get('version') ?? String(OLDEST_VERSION)
  if (!/^[1-9]\d{0,2}$/.test(version) || Number(version) < OLDEST_VERSION)
    throw malformed('Version is not a number')
  return { expireDate, version: Number(version) }
}

/** Reads a part's block. */
export function readPart(block: string): DirectoryPart {
  const blank = block.indexOf('\r\n\r\n')
  if (!block.startsWith('\r\n') || blank < 2) throw malformed('a part has no headers')
  const headers = blockHeaders(block.slice(2, blank).split('\r\n'))
  if (headerOf(headers, 'content-transfer-encoding').toLowerCase() !== 'base64') {
    throw malformed('the hash of a part is not in base64')
  }
  const { value: identifier, parameters } = parameterOf(headerOf(headers, 'content-identifier'))
  if (!/^[A-Z][A-Z0-9-]{0,63}$/.test(identifier)) throw malformed('a part has no name')
  const hashAlgorithm = headerOf(headers, 'hash-algorithm-id')
  const hash = strictBase64(block.slice(blank + 4))
  if (hash.length !== digestSize(digestOfUri(hashAlgorithm))) throw malformed('a hash has the wrong length')
  return {
    identifier,
    instance: codeOf(parameters.get('instance') ?? '', CODE),
    location: checkLocation(headerOf(headers, 'content-location')),
    hashAlgorithm,
    hash,
    fileName: checkFileName(headers.get('content-file-name')),
  }
}

/** A location is a path on the source's own host, so a directory cannot redirect us to another host. */
function checkLocation(location: string): string {
  const segments = location.split('/')
  if (
    !/^\/[^/\\?#]/.test(location) ||
    /[\\?#\s\p{Cc}]/u.test(location) ||
    location.length > MAX_LOCATION ||
    segments.some((segment) => /^(?:\.|%2e){1,2}$/i.test(segment))
  ) {
    throw malformed('Content-location is not a plain absolute path')
  }
  return location
}

function checkFileName(name: string | undefined): string | undefined {
  if (name !== undefined && !FILE_NAME.test(name))
    throw malformed('Content-file-name is not a plain file name')
  return name
}

/**
 * When a part was published, in milliseconds since 1970. The location has a folder whose name is this UTC
 * time with nanoseconds (yyyyMMddHHmmssnnnnnnnnn, as X-Road's central server names them). Undefined if there
 * is no such folder.
 */
export function publicationTime(location: string): number | undefined {
  const stamp = location.split('/').find((segment) => STAMP.test(segment))
  if (stamp === undefined) return undefined
  const [, year, month, day, hour, minute, second, millis] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d{3})/.exec(stamp) ?? []
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${millis}Z`)
  if (Number.isNaN(time)) throw malformed('the time in Content-location does not exist')
  return time
}

/** The folder name of a publication time, as X-Road's central server names it. */
export function publicationStamp(time: Date): string {
  return `${time.toISOString().replace(/\D/g, '')}000000`
}

function malformed(what: string): Fault {
  return new Fault(CODE, { what: `directory: ${what}` })
}
