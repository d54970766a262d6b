/**
 * SOAP attachments on their way through: joined in one body, which the log keeps like any other, with the
 * size, the digest and the MIME headers of each (docs/decisions: attachments are one body).
 */
import { createHash, type Hash } from 'node:crypto'
import { type HeaderList, headerValue } from '#core/transport/header-list.ts'
import { createMultipartParser, type PartHandler } from '#core/transport/multipart-parser.ts'
import { closeDelimiter, mimeName, partHead } from '#core/transport/multipart-writer.ts'
import { Fault } from '#schemas/fault.ts'
import type { Attachment, Body, BodySpool, BodyWriter, Taker } from './body.ts'
import type { Frame } from './frame-body.ts'

/** Of one message: its container has an entry for each. */
const MAX_ATTACHMENTS = 1_000
const MAX_HEADER_BYTES = 16 * 1024
/** Of all attachments of a message: they are kept with its record. */
const MAX_ALL_HEADER_BYTES = 256 * 1024

export const PART_LIMITS = { maxParts: MAX_ATTACHMENTS + 1, maxHeaderBytes: MAX_HEADER_BYTES }

export type AttachmentTaker = {
  /** Takes the next attachment. */
  begin(headers: ReadonlyMap<string, string>): PartHandler
  /** Undefined when there was none. */
  end(): Promise<Body | undefined>
  abort(): Promise<void>
}

/**
 * Spools attachments as they come. Throws `body_too_large`, `invalid_content_type` for one without a type.
 */
export function takeAttachments(q: { spool: BodySpool; maxBytes: number }): AttachmentTaker {
  const attachments: Attachment[] = []
  let writer: BodyWriter | undefined
  let headerBytes = 0
  const ids = new Set<string>()
  return {
    begin(headers) {
      const kept = keptHeaders(headers)
      const id = headers.get('content-id')
      // Who looks a part up by its id must not have a choice.
      if (id !== undefined && ids.has(id))
        throw new Fault('mime_parsing_failed', { what: 'a Content-ID is repeated' })
      if (id !== undefined) ids.add(id)
      headerBytes += kept.reduce((sum, [name, value]) => sum + name.length + value.length, 0)
      if (headerBytes > MAX_ALL_HEADER_BYTES) throw new Fault('headers_too_large', { what: 'of attachments' })
      writer ??= q.spool.begin(q)
      const body = writer
      // The body is hashed as a whole: until a second one comes that is the digest of the first.
      const digest: Hash | undefined = attachments.length === 0 ? undefined : createHash('sha512')
      let size = 0
      return {
        write(chunk) {
          size += chunk.length
          digest?.update(chunk)
          return body.write(chunk)
        },
        end() {
          attachments.push({ size, sha512: digest?.digest() ?? body.digestSoFar(), headers: kept })
        },
      }
    },
    async end() {
      return writer === undefined ? undefined : { ...(await writer.end()), attachments }
    },
    abort: async () => writer?.abort(),
  }
}

/** As they are written again; the names in the spelling that programs are used to. */
export function keptHeaders(headers: ReadonlyMap<string, string>): HeaderList {
  if (!headers.has('content-type'))
    throw new Fault('invalid_content_type', { what: 'a part of the message has no content type' })
  return [...headers].map(([name, value]) => [mimeName(name), value])
}

/** Takes the nested multipart that carries attachments between servers (pr-messtransp). */
export function takeNested(boundary: string, q: { spool: BodySpool; maxBytes: number }): Taker<Body> {
  const taker = takeAttachments(q)
  const limits = { ...PART_LIMITS, maxParts: MAX_ATTACHMENTS }
  const parser = createMultipartParser({ boundary, limits, isNested: true, onPart: taker.begin })
  return {
    write: (chunk) => parser.push(chunk),
    async end() {
      parser.finish()
      const body = await taker.end()
      if (body === undefined) throw new Fault('mime_parsing_failed', { what: 'there is no attachment' })
      return body
    },
    abort: () => taker.abort(),
  }
}

/** The content type of an attachment, and its other headers. */
export function headOf({ headers }: Pick<Attachment, 'headers'>): {
  contentType: string
  headers: HeaderList
} {
  return {
    contentType: headerValue(headers, 'content-type') ?? 'application/octet-stream',
    headers: headers.filter(([name]) => name.toLowerCase() !== 'content-type'),
  }
}

/** Attachments as parts of a multipart, which begins with `head`. */
export function attachmentFrame(q: { head: Buffer; boundary: string; attachments: Attachment[] }): Frame {
  const before = q.attachments.map((attachment, i) => {
    const { contentType, headers } = headOf(attachment)
    const own = partHead(q.boundary, contentType, false, headers)
    return i === 0 ? Buffer.concat([q.head, own]) : own
  })
  return { before, end: closeDelimiter(q.boundary) }
}
