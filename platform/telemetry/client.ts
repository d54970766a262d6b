/**
 * Sends to a collector of OpenTelemetry: one POST of JSON (OTLP/HTTP), with limits on time and answer,
 * without following redirects.
 */
import { Agent, request } from 'undici'
import { Fault, type FaultCode } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'

/** What the collector did not take is told as `refused`. */
export type Collector = {
  url: string
  /** The value of the Authorization header. */
  authorization?: string | undefined
  refused: Extract<FaultCode, 'audit_stream_refused' | 'telemetry_refused'>
}

const TIMEOUT_MS = 10_000
const MAX_ANSWER_BYTES = 64 * 1024

/**
 * What the collector says will not be otherwise the next time (OTLP/HTTP, "Failures"): what was sent is bad,
 * or too large.
 */
const LATER = new Set([401, 403, 404, 408, 429])

/**
 * Returns the answer, `{}` where it is empty; undefined when what was sent must not be sent again. Throws
 * `refused` when there is none, or none of success.
 */
export async function offerToCollector(to: Collector, sent: object, signal: AbortSignal): Promise<unknown> {
  const { status, body } = await post(to, JSON.stringify(sent), signal)
  if (status >= 400 && status < 500 && !LATER.has(status)) return undefined
  if (status !== 200) throw new Fault(to.refused, { what: `HTTP ${status}` })
  try {
    return JSON.parse(body === '' ? '{}' : body)
  } catch (cause) {
    throw new Fault(to.refused, { what: 'its answer is no JSON', cause })
  }
}

/**
 * The answer of a collector that took all. `rejected`: the member of `partialSuccess` that counts what it did
 * not take.
 */
export async function postToCollector(
  to: Collector,
  sent: object,
  q: { signal: AbortSignal; rejected: string },
): Promise<void> {
  const answer = await offerToCollector(to, sent, q.signal)
  if (answer === undefined) throw new Fault(to.refused, { what: 'it finds what was sent bad or too large' })
  const rejected = rejectedBy(answer, q.rejected)
  if (rejected !== 0) throw new Fault(to.refused, { what: `it rejected ${rejected} of what was sent` })
}

/** How many of those sent the collector rejected: the named member of `partialSuccess` in its answer. */
export function rejectedBy(answer: unknown, member: string): number {
  const { partialSuccess } = (answer ?? {}) as { partialSuccess?: Record<string, string | number> | null }
  return Number(partialSuccess?.[member] ?? 0)
}

async function post(
  { url, authorization, refused }: Collector,
  body: string,
  signal: AbortSignal,
): Promise<{ status: number; body: string }> {
  const dispatcher = new Agent({
    connect: { timeout: TIMEOUT_MS },
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
    maxResponseSize: MAX_ANSWER_BYTES,
  })
  try {
    const reply = await request(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(authorization !== undefined && { authorization }),
      },
      body,
      dispatcher,
      signal: AbortSignal.any([signal, AbortSignal.timeout(2 * TIMEOUT_MS)]),
    })
    return { status: reply.statusCode, body: await reply.body.text() }
  } catch (cause) {
    throw new Fault(refused, { what: say`it cannot be reached`, cause })
  } finally {
    await dispatcher.destroy()
  }
}
