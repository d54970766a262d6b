/** The body of a request without its content coding, within bounds. */
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib'
import { headerValue } from '#core/transport/header-list.ts'
import { Fault } from '#schemas/fault.ts'
import type { MockRequest } from './question.ts'

const MAX_BYTES = 10 * 1024 * 1024
const CODINGS: Record<string, typeof gunzipSync> = {
  gzip: gunzipSync,
  'x-gzip': gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
}

/** Throws `not_as_described` for a coding that is not read, or a body that is not in it. */
export function unpacked({ headers, body }: MockRequest): Uint8Array | undefined {
  const coding = headerValue(headers, 'content-encoding')?.trim().toLowerCase() ?? 'identity'
  if (body === undefined || coding === 'identity') return body
  const unpack = Object.hasOwn(CODINGS, coding) ? CODINGS[coding] : undefined
  if (unpack === undefined)
    throw new Fault('not_as_described', { what: 'body: its content coding is not read' })
  try {
    return unpack(body, { maxOutputLength: MAX_BYTES })
  } catch (cause) {
    throw new Fault('not_as_described', {
      what: 'body: it is not in its content coding, or too large',
      cause,
    })
  }
}
