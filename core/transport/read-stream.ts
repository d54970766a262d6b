/**
 * Reads a stream by its events: iterating asynchronously over a small body costs more than all that is done
 * with it.
 */
import type { Readable } from 'node:stream'
import { Fault } from '#schemas/fault.ts'

/**
 * Bytes that come when they come, from something else than a Node stream: drained once, by readStream's
 * rules.
 */
export type ByteSource = { drainTo(take: (chunk: Buffer) => void | Promise<void>): Promise<void> }

/**
 * Hands every chunk of `source` to `take`, one at a time; a promise holds up the source until it settles.
 * Resolves at the end, when the last chunk is done with. Rejects with `connection_lost` when the source
 * breaks off, or with what `take` throws; the source is then left paused for the caller to drain or destroy.
 */
export function readStream(
  source: Readable | ByteSource,
  take: (chunk: Buffer) => void | Promise<void>,
): Promise<void> {
  return 'drainTo' in source ? source.drainTo(take) : readNodeStream(source, take)
}

function readNodeStream(source: Readable, take: (chunk: Buffer) => void | Promise<void>): Promise<void> {
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
        const waiting = take(chunk)
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
      stop()
      resolve()
    }
    const onError = (cause: unknown): void =>
      fail(cause instanceof Fault ? cause : new Fault('connection_lost', { cause }))
    const onClose = (): void => {
      if (!ended) fail(new Fault('connection_lost', { what: 'the body was cut off' }))
    }
    if (source.readableEnded) return resolve()
    // Its events are over: waiting for them would be for ever.
    if (source.closed)
      return fail(source.errored ?? new Fault('connection_lost', { what: 'the body was cut off' }))
    source.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose)
  })
}
