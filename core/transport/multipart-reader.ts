/** Reads a multipart body from a stream: the parser's strictness, the source's pace. */
import type { Readable } from 'node:stream'
import { createMultipartParser, type MultipartLimits, type PartHandler } from './multipart-parser.ts'
import { readStream } from './read-stream.ts'

export { boundaryOf } from './content-type.ts'
export { MULTIPART_LIMITS, type MultipartLimits, type PartHandler } from './multipart-parser.ts'

/**
 * Resolves when the close delimiter, and after it nothing but white space, has been read and every handler is done.
 * Rejects with `mime_parsing_failed`, `connection_lost` when the source breaks off, or with a handler's error; the
 * source is then left paused for the caller to drain or destroy. Small messages are parsed within the data event.
 */
export async function readMultipart(q: {
  source: Readable
  boundary: string
  limits: MultipartLimits
  onPart(headers: ReadonlyMap<string, string>, index: number): PartHandler
}): Promise<void> {
  const parser = createMultipartParser(q)
  await readStream(q.source, parser.push)
  parser.finish()
}
