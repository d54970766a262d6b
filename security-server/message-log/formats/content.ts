/**
 * The plaintext of a record's content: a version byte, then sections in ascending order of type, each
 * `type (1 byte) ‖ length (4 bytes, big-endian) ‖ bytes`. A section occurs at most once; unknown sections are
 * refused.
 */
import { Fault } from '#schemas/fault.ts'
import type { Attachment } from '../bodies/spool.ts'

export const SECTION = {
  /** JSON with sorted names: ids, parties, service, peer, node, extra. */
  metadata: 1,
  /** The message bytes as signed. */
  message: 2,
  /** A body of at most 64 KiB. */
  body: 3,
  /** A larger body: data key (32) ‖ size (8, big-endian) ‖ file name. */
  bodyFile: 4,
  hashChainResult: 5,
  hashChain: 6,
  /** SHA-512 of the message, at level `digest` instead of the message. */
  messageDigest: 7,
  /** SHA-512 of the body. */
  bodyDigest: 8,
  /** For a record whose content ended with its proof kept: the salt (32) of its commitments. */
  salt: 9,
  /** Of a body that joins SOAP attachments: JSON of their sizes, digests and MIME headers. */
  attachments: 10,
} as const

const VERSION = 1
const LAST = 10
const HEAD = 5

/** Sections by type: `sections[SECTION.message]`. */
export type Sections = (Buffer | undefined)[]

/** How many bytes `encodeContent` writes. */
export function contentSize(sections: Sections): number {
  let size = 1
  for (const section of sections) if (section !== undefined) size += HEAD + section.length
  return size
}

/**
 * Writes the plaintext of the content to `bytes`, which has `contentSize` bytes. Absent sections are left
 * out.
 */
export function encodeContent(sections: Sections, bytes: Buffer): Buffer {
  bytes[0] = VERSION
  let at = 1
  for (let type = 1; type <= LAST; type++) {
    const section = sections[type]
    if (section === undefined) continue
    bytes[at] = type
    bytes.writeUInt32BE(section.length, at + 1)
    section.copy(bytes, at + HEAD)
    at += HEAD + section.length
  }
  return bytes
}

/**
 * The sections as slices of `bytes`. Throws `log_inconsistent` for bytes that `encodeContent` would not
 * write.
 */
export function decodeContent(bytes: Buffer): Sections {
  if (bytes[0] !== VERSION) throw malformed('version')
  const sections: Sections = new Array<undefined>(LAST + 1)
  let at = 1
  let previous = 0
  while (at < bytes.length) {
    const type = bytes[at]!
    if (type <= previous || type > LAST || at + HEAD > bytes.length) throw malformed('section')
    const end = at + HEAD + bytes.readUInt32BE(at + 1)
    if (end > bytes.length) throw malformed('length')
    sections[type] = bytes.subarray(at + HEAD, end)
    previous = type
    at = end
  }
  if (sections[SECTION.metadata] === undefined) throw malformed('no metadata')
  return sections
}

export type BodyFileReference = { dataKey: Buffer; size: number; name: string }

/** Writes section `bodyFile`. */
export function encodeBodyFile(reference: BodyFileReference): Buffer {
  const size = Buffer.alloc(8)
  size.writeBigUInt64BE(BigInt(reference.size))
  return Buffer.concat([reference.dataKey, size, Buffer.from(reference.name)])
}

/** Reads section `bodyFile`; the name is checked where a path is made of it. */
export function decodeBodyFile(section: Buffer): BodyFileReference {
  if (section.length < 41 || section.length > 300) throw malformed('body file')
  const size = Number(section.readBigUInt64BE(32))
  if (!Number.isSafeInteger(size)) throw malformed('body size')
  return { dataKey: section.subarray(0, 32), size, name: section.toString('utf8', 40) }
}

const MAX_ATTACHMENTS = 10_000

/** Section `attachments`. */
export function encodeAttachments(attachments: Attachment[]): string {
  return JSON.stringify(
    attachments.map(({ size, sha512, headers }) => [size, sha512.toString('base64'), headers]),
  )
}

/** Reads section `attachments`; throws `log_inconsistent`. */
export function decodeAttachments(section: Buffer): Attachment[] {
  let list: [number, string, [string, string][]][]
  try {
    list = JSON.parse(section.toString()) as typeof list
  } catch {
    throw malformed('attachments')
  }
  if (!Array.isArray(list) || list.length > MAX_ATTACHMENTS) throw malformed('attachments')
  return list.map((one) => {
    if (!Array.isArray(one)) throw malformed('attachments')
    const [size, sha512, headers] = one
    const isRight =
      Number.isSafeInteger(size) && size >= 0 && typeof sha512 === 'string' && Array.isArray(headers)
    if (!isRight) throw malformed('attachments')
    return { size, sha512: Buffer.from(sha512, 'base64'), headers }
  })
}

function malformed(what: string): Fault {
  return new Fault('log_inconsistent', { what: `record content: ${what}` })
}
