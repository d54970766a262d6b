/**
 * Sends records to the collector of the audit log: one POST of JSON, with limits on time and answer, without following redirects.
 */
import { Agent, request } from 'undici'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'

/** Returns status and text of the answer; throws `audit_stream_refused` when there is none. */
export type PostRecords = (
  url: string,
  body: string,
  headers: Record<string, string>,
  signal: AbortSignal,
) => Promise<{ status: number; body: string }>

const TIMEOUT_MS = 10_000
const MAX_ANSWER_BYTES = 64 * 1024

export const postRecords: PostRecords = async (url, body, headers, signal) => {
  const dispatcher = new Agent({
    connect: { timeout: TIMEOUT_MS },
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
    maxResponseSize: MAX_ANSWER_BYTES,
  })
  try {
    const reply = await request(url, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body,
      dispatcher,
      signal: AbortSignal.any([signal, AbortSignal.timeout(2 * TIMEOUT_MS)]),
    })
    return { status: reply.statusCode, body: await reply.body.text() }
  } catch (cause) {
    throw new Fault('audit_stream_refused', { what: say`it cannot be reached`, cause })
  } finally {
    await dispatcher.destroy()
  }
}
