/** The body of a request as bytes or as a stream of bytes, with its content type. */
import { ExchangeError } from './exchange-error.ts'

/** Bytes that are sent as they are. */
export type RawBody = string | Uint8Array | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>

export type BodyOptions = {
  /** Sent as JSON. */
  json?: unknown
  /** Sent as it is; a stream is read while it is sent. */
  body?: RawBody
  /** Of `body`; application/octet-stream when absent, text/plain for a string. */
  contentType?: string
}

export type RequestBody = {
  content: Uint8Array | AsyncIterable<Uint8Array> | undefined
  contentType: string | undefined
}

const WITH_BODY = new Set(['POST', 'PUT', 'PATCH'])

/**
 * X-Road calls a provider's system with a body for POST, PUT and PATCH alone: with another method it would be
 * lost on the way.
 */
export function requestBody(method: string, { json, body, contentType }: BodyOptions): RequestBody {
  if (json === undefined && body === undefined) {
    if (contentType !== undefined) throw refused('contentType belongs to a body')
    return { content: undefined, contentType: undefined }
  }
  if (!WITH_BODY.has(method)) throw refused(`${method} takes no body`)
  if (json !== undefined && body !== undefined) throw refused('json and body exclude each other')
  if (body === undefined) {
    return {
      content: new TextEncoder().encode(jsonText(json)),
      contentType: contentType ?? 'application/json',
    }
  }
  if (typeof body === 'string')
    return {
      content: new TextEncoder().encode(body),
      contentType: contentType ?? 'text/plain; charset=utf-8',
    }
  const content = body instanceof Uint8Array ? body : chunksOf(body)
  return { content, contentType: contentType ?? 'application/octet-stream' }
}

function jsonText(json: unknown): string {
  try {
    const text = JSON.stringify(json) as string | undefined
    if (text !== undefined) return text
  } catch (cause) {
    throw refused('json cannot be written as JSON', cause)
  }
  throw refused('json cannot be written as JSON')
}

/** The chunks of either kind of stream. */
export async function* chunksOf(stream: Exclude<RawBody, string | Uint8Array>): AsyncGenerator<Uint8Array> {
  const chunks = Symbol.asyncIterator in stream ? stream : readAll(stream)
  for await (const chunk of chunks) {
    if (!(chunk instanceof Uint8Array))
      throw new TypeError('the stream of the body gives something else than bytes')
    yield chunk
  }
}

/** Its chunks; whoever stops reading cancels it. */
export async function* readAll(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader()
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}

function refused(what: string, cause?: unknown): ExchangeError {
  return new ExchangeError('invalid_argument', { what, cause })
}
