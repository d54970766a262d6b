/**
 * Requests that the own security server answers itself: deliveries, inboxes and rooms. Each may be repeated
 * without doing anything twice, so it is, while the failure may pass; guarantees that an error says whether
 * any of the attempts may have been carried out.
 */

import type { IncomingMessage } from 'node:http'
import { collect, streamOf } from './answer.ts'
import { type LimitOptions, readLimits } from './call-limits.ts'
import { ExchangeError } from './exchange-error.ts'
import { MAX_FAULT_BYTES, readFault } from './read-fault.ts'
import { readJson } from './read-json.ts'
import { readAll } from './request-body.ts'
import type { HeaderPair } from './request-headers.ts'
import { withRetries } from './retries.ts'
import { endedBy, type Transport } from './transport.ts'

export type ServerDoor = {
  /** Resolves to what `read` finds in the JSON of the answer. */
  ask<T>(q: {
    method: 'GET' | 'POST'
    target: string
    headers: HeaderPair[]
    content?: Uint8Array
    limits: LimitOptions | undefined
    read(json: Uint8Array): T
  }): Promise<T>
}

/** An attempt that hangs for longer is given up for the next one. */
const ATTEMPT_MS = 30_000
const RETRIES = 5
/** Of this package's codes, those of failures on the way that may pass. */
const ON_THE_WAY = new Set([
  'unreachable',
  'connection_lost',
  'answer_cut',
  'not_an_answer',
  'deadline_exceeded',
])
const AGAIN = 'Do the very same again: the security server does it once'
const NOTHING_DONE = 'Nothing was done'

/** Whether the same request can succeed later, without anybody's help. */
export function mayPassLater({ code, status = 0 }: ExchangeError): boolean {
  return ON_THE_WAY.has(code) || status === 429 || status >= 500
}

export function createServerDoor(transport: Transport): ServerDoor {
  return {
    async ask({ method, target, headers, content, limits, read }) {
      const { signal, deadlineAt, retries, maxAnswerBytes } = readLimits({ retries: RETRIES, ...limits })
      let isMaybeDone = false
      const mayRepeat = (error: ExchangeError): boolean => {
        isMaybeDone ||= error.mayHaveBeenCarriedOut
        return !signal.aborted && mayPassLater(error)
      }
      try {
        return await withRetries({ mayRepeat, retries, deadlineAt, signal }, async () => {
          const attempt = AbortSignal.any([signal, AbortSignal.timeout(ATTEMPT_MS)])
          const message = await transport.send({ method, target, headers, content, signal: attempt })
          return read(await readOwnAnswer(message, attempt, maxAnswerBytes))
        })
      } catch (thrown) {
        const error =
          thrown instanceof ExchangeError ? thrown : signal.aborted ? endedBy(signal, true) : undefined
        if (error === undefined || error.code === 'invalid_argument') throw thrown
        const maybe = isMaybeDone || error.mayHaveBeenCarriedOut
        throw error.advising(maybe ? AGAIN : mayPassLater(error) ? error.next : NOTHING_DONE, maybe)
      }
    },
  }
}

/** What the server says of itself: no headers bind it to a request, but the connection does. */
async function readOwnAnswer(
  message: IncomingMessage,
  signal: AbortSignal,
  most: number,
): Promise<Uint8Array> {
  const { statusCode: status = 0, headers } = message
  const header = (name: string): string | undefined => [headers[name]].flat().join(', ') || undefined
  const body = readAll(streamOf(message, signal))
  const code = header('x-road-error')
  if (code !== undefined) {
    const said = await collect(body, MAX_FAULT_BYTES).catch(() => undefined)
    if (said === undefined) message.destroy()
    if (signal.aborted) throw endedBy(signal, true)
    throw readFault({ status, code, retryAfter: header('retry-after'), body: said, now: Date.now() })
  }
  const isWhole = header('content-length') !== undefined || header('transfer-encoding') !== undefined
  const isJson = /^application\/json *(?:;|$)/i.test(header('content-type') ?? '')
  if (status < 200 || status > 299 || !isJson || !isWhole) {
    message.destroy()
    throw notAnAnswer('it is not the JSON of a security server', status)
  }
  return collect(body, most)
}

/** Throws `not_an_answer` unless the bytes are a JSON object. */
export function readObject(bytes: Uint8Array): Record<string, unknown> {
  try {
    const read = readJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    if (typeof read === 'object' && read !== null && !Array.isArray(read))
      return read as Record<string, unknown>
  } catch {
    // Not the parser's own words, which quote the text.
  }
  throw notAnAnswer('it is no JSON object')
}

export function notAnAnswer(what: string, status?: number): ExchangeError {
  return new ExchangeError('not_an_answer', { what, status, mayHaveBeenCarriedOut: true })
}
