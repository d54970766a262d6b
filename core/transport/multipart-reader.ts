/** Reads a multipart body from a stream: the parser's strictness, the source's pace. */
import type { Readable } from 'node:stream'
import { createMultipartParser, type MultipartLimits, type PartHandler } from './multipart-parser.ts'
import { type ByteSource, readStream } from './read-stream.ts'

export { boundaryOf } from './content-type.ts'
export type { PartHandler } from './multipart-parser.ts'

/**
 * Resolves when the close delimiter, and after it nothing but white space, has been read and every handler is
 * done. Rejects with `mime_parsing_failed`, `connection_lost` when the source breaks off, or with a handler's
 * error; the source is then left paused for the caller to drain or destroy. Small messages are parsed within
 * the data event.
 */
export async function readMultipart(q: {
  source: Readable | ByteSource
  /** Sees every chunk before the parser; what it throws ends the reading. */
  watch?: (chunk: Buffer) => void
  boundary: string
  limits: MultipartLimits
  onPart(headers: ReadonlyMap<string, string>, index: number): PartHandler
}): Promise<void> {
  const parser = createMultipartParser(q)
  const { watch } = q
  const take = (chunk: Buffer): void | Promise<void> => {
    watch?.(chunk)
    return parser.push(chunk)
  }
  await readStream(q.source, watch === undefined ? parser.push : take)
  parser.finish()
}
