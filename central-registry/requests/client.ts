/** The door to members' webhooks: one POST of JSON, bounded in time, no redirect followed, nothing of the answer believed. */
import { Agent, request } from 'undici'
import { Fault } from '#schemas/fault.ts'

/** Resolves when the receiver took it (2xx); throws `service_failed`. */
export type PostNotice = (url: string, notice: object, signal: AbortSignal) => Promise<void>

const TIMEOUT_MS = 10_000
const MAX_ANSWER_BYTES = 16 * 1024

export const postNotice: PostNotice = async (url, notice, signal) => {
  const dispatcher = new Agent({
    connect: { timeout: TIMEOUT_MS },
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
  })
  try {
    const reply = await request(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(notice),
      dispatcher,
      signal: AbortSignal.any([signal, AbortSignal.timeout(2 * TIMEOUT_MS)]),
    })
    const { statusCode } = reply
    await reply.body.dump({ limit: MAX_ANSWER_BYTES })
    if (statusCode < 200 || statusCode > 299)
      throw new Fault('service_failed', { what: `the webhook answered HTTP ${statusCode}` })
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw new Fault('service_failed', { what: 'the webhook cannot be reached', cause })
  } finally {
    await dispatcher.destroy()
  }
}
