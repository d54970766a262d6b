/** Reads a multipart body from a stream: the parser's strictness, the source's pace. */
import type { Readable } from 'node:stream'
import { Fault } from '#schemas/fault.ts'
import { createMultipartParser, type MultipartLimits, type PartHandler } from './multipart-parser.ts'

export { boundaryOf } from './content-type.ts'
export { MULTIPART_LIMITS, type MultipartLimits, type PartHandler } from './multipart-parser.ts'

/**
 * Resolves when the close delimiter, and after it nothing but white space, has been read and every handler is done.
 * Rejects with `mime_parsing_failed`, `connection_lost` when the source breaks off, or with a handler's error; the
 * source is then left paused for the caller to drain or destroy. Small messages are parsed within the data event.
 */
export function readMultipart(q: {
  source: Readable
  boundary: string
  limits: MultipartLimits
  onPart(headers: ReadonlyMap<string, string>, index: number): PartHandler
}): Promise<void> {
  const { source } = q
  const parser = createMultipartParser(q)
  return new Promise((resolve, reject) => {
    let pending: Promise<void> | undefined
    let ended = false
    const stop = (): void => {
      source.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose)
    }
    const fail = (reason: unknown): void => {
      stop()
      source.pause()
      // A source that breaks after we gave up on it must not end the process.
      source.on('error', () => {})
      reject(reason)
    }
    const onData = (chunk: Buffer): void => {
      try {
        const waiting = parser.push(chunk)
        if (waiting === undefined) return
        source.pause()
        pending = waiting.then(() => {
          pending = undefined
          source.resume()
        })
        pending.catch(fail)
      } catch (thrown) {
        fail(thrown)
      }
    }
    const onEnd = (): void => {
      ended = true
      if (pending !== undefined) {
        pending.then(onEnd, () => {})
        return
      }
      try {
        parser.finish()
        stop()
        resolve()
      } catch (thrown) {
        fail(thrown)
      }
    }
    const onError = (cause: unknown): void =>
      fail(cause instanceof Fault ? cause : new Fault('connection_lost', { cause }))
    const onClose = (): void => {
      if (!ended) fail(new Fault('connection_lost', { what: 'the body was cut off' }))
    }
    source.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose)
  })
}
