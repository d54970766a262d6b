/**
 * What came back, read as an answer. Guarantees that an answer is the reply to this request, by the headers
 * that the security servers bind it with, and that a body which was cut is never taken for whole; all else is
 * an error.
 */

import type { IncomingMessage } from 'node:http'
import { ExchangeError } from './exchange-error.ts'
import { isSameIdentifier } from './identifiers.ts'
import { MAX_FAULT_BYTES, readFault } from './read-fault.ts'
import { readJson } from './read-json.ts'
import { readAll } from './request-body.ts'
import { endedBy } from './transport.ts'

/** The provider's answer. Its body is read once, in one of four ways. */
export type Answer<Status extends number = number, Json = unknown> = {
  status: Status
  headers: Headers
  /** The X-Road-Id: keep it with your own records, proofs are found by it. */
  id: string
  /** X-Road-Request-Hash: what the provider signed that it answers. */
  requestHash: string | undefined
  /** The body as it comes; the deadline holds to its end. Undefined where there is none. */
  body: ReadableStream<Uint8Array> | undefined
  json(): Promise<Json>
  text(): Promise<string>
  bytes(): Promise<Uint8Array>
}

type Asked = {
  method: string
  client: string
  service: string
  id: string
  signal: AbortSignal
  maxAnswerBytes: number
}

const BODILESS = new Set([204, 205, 304])

/** Throws what the security server said when it is no answer. */
export async function readAnswer(message: IncomingMessage, asked: Asked): Promise<Answer> {
  const { statusCode: status = 0, headers: raw } = message
  const header = (name: string): string | undefined => [raw[name]].flat().join(', ') || undefined
  const requestHash = header('x-road-request-hash')
  const code = header('x-road-error')
  // In a signed reply it would be the provider's system that wrote it.
  if (code !== undefined && requestHash === undefined) {
    const body = await readWhole(message, asked, MAX_FAULT_BYTES).catch((cause: unknown) => {
      message.destroy()
      if (asked.signal.aborted) throw cause
      return undefined
    })
    throw readFault({ status, code, retryAfter: header('retry-after'), body, now: Date.now() })
  }
  const why = whyForeign(asked, header)
  if (why !== undefined) {
    message.destroy()
    throw new ExchangeError(why.code, { what: why.what, status, mayHaveBeenCarriedOut: true })
  }
  const isBodiless = asked.method === 'HEAD' || BODILESS.has(status)
  if (isBodiless) message.resume()
  else if (header('content-length') === undefined && header('transfer-encoding') === undefined) {
    message.destroy()
    throw new ExchangeError('not_an_answer', {
      what: 'its end is not marked',
      status,
      mayHaveBeenCarriedOut: true,
    })
  }
  const body = isBodiless ? undefined : streamOf(message, asked.signal)
  const bytes = async (): Promise<Uint8Array> =>
    body === undefined ? new Uint8Array() : collect(readAll(body), asked.maxAnswerBytes)
  const text = async (): Promise<string> => new TextDecoder().decode(await bytes())
  return {
    ...{ status, headers: headersOf(message.rawHeaders), id: asked.id, requestHash, body, bytes, text },
    json: async () => parseJson(await text(), status),
  }
}

/** Undefined for the reply to this request. */
function whyForeign(
  asked: Asked,
  header: (name: string) => string | undefined,
): { code: 'not_an_answer' | 'inconsistent_answer'; what: string } | undefined {
  const id = header('x-road-id')
  const client = header('x-road-client')
  const service = header('x-road-service')
  if (id === undefined || client === undefined || service === undefined)
    return { code: 'not_an_answer', what: 'it has neither X-Road-Error nor the headers of a reply' }
  const wrong = [
    ...(id === asked.id ? [] : ['X-Road-Id']),
    ...(isSameIdentifier(client, asked.client) ? [] : ['X-Road-Client']),
    ...(isSameIdentifier(service, asked.service) ? [] : ['X-Road-Service']),
  ]
  return wrong.length === 0 ? undefined : { code: 'inconsistent_answer', what: wrong.join(', ') }
}

export function headersOf(raw: readonly string[]): Headers {
  const headers = new Headers()
  for (let i = 0; i + 1 < raw.length; i += 2) headers.append(raw[i]!, raw[i + 1]!)
  return headers
}

/** The body as a web stream, whose error says that it was cut. */
export function streamOf(message: IncomingMessage, signal: AbortSignal): ReadableStream<Uint8Array> {
  const chunks = message[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await chunks.next()
        if (done !== true) controller.enqueue(new Uint8Array(value))
        else if (message.complete) controller.close()
        else throw new Error('the message is not complete')
      } catch (cause) {
        controller.error(cutBy(cause, signal))
      }
    },
    cancel: () => void message.destroy(),
  })
}

async function readWhole(message: IncomingMessage, asked: Asked, most: number): Promise<Uint8Array> {
  return collect(readAll(streamOf(message, asked.signal)), most)
}

function cutBy(cause: unknown, signal: AbortSignal): ExchangeError {
  if (signal.aborted) return endedBy(signal, true)
  return new ExchangeError('answer_cut', { mayHaveBeenCarriedOut: true, cause })
}

/** What is beyond the bound is not read. */
export async function collect(body: AsyncIterable<Uint8Array>, most: number): Promise<Uint8Array> {
  // Chunks that are kept cost far more memory than their octets when the other side makes them small.
  let whole = new Uint8Array()
  let size = 0
  for await (const chunk of body) {
    const needed = size + chunk.length
    if (needed > most)
      throw new ExchangeError('answer_too_large', { what: `over ${most} bytes`, mayHaveBeenCarriedOut: true })
    if (needed > whole.length) {
      const larger = new Uint8Array(Math.min(most, Math.max(needed, 2 * size)))
      larger.set(whole.subarray(0, size))
      whole = larger
    }
    whole.set(chunk, size)
    size = needed
  }
  return size === whole.length ? whole : whole.slice(0, size)
}

function parseJson(text: string, status: number): unknown {
  try {
    return readJson(text)
  } catch {
    // Not the parser's own words, which quote the text.
    throw new ExchangeError('unreadable_answer', { status, mayHaveBeenCarriedOut: true })
  }
}
