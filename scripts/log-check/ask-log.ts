/**
 * Gets one file of a registry's log. Whoever is told to wait waits as long as the registry says, within
 * bounds.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { Fault } from '#schemas/fault.ts'

const TIMEOUT_MS = 30_000
/** A registry of ours lets an address wait until its minute is over. */
const LONGEST_WAIT_SECONDS = 120
const MOST_WAITS = 5
const TOO_MANY_REQUESTS = 429
const dispatcher = new Agent()

/**
 * The last answer, which may be a refusal. Throws `network_error` when none comes, or one of more than `most`
 * octets.
 */
export async function askLog(url: string, most: number): Promise<{ status: number; body: Buffer }> {
  for (let waits = 0; ; waits++) {
    const { status, body, retryAfter } = await askOnce(url, most)
    const seconds = /^\d{1,4}$/.test(retryAfter) ? Number(retryAfter) : 1
    if (status !== TOO_MANY_REQUESTS || waits === MOST_WAITS || seconds > LONGEST_WAIT_SECONDS)
      return { status, body }
    await wait(seconds * 1000)
  }
}

async function askOnce(
  url: string,
  most: number,
): Promise<{ status: number; body: Buffer; retryAfter: string }> {
  try {
    const reply = await request(url, { dispatcher, signal: AbortSignal.timeout(TIMEOUT_MS) })
    const parts: Buffer[] = []
    let size = 0
    for await (const part of reply.body as AsyncIterable<Buffer>) {
      size += part.length
      if (size > most) throw new Error('the answer is too large')
      parts.push(part)
    }
    const retryAfter = String(reply.headers['retry-after'] ?? '')
    return { status: reply.statusCode, body: Buffer.concat(parts), retryAfter }
  } catch (cause) {
    throw new Fault('network_error', { what: url, cause })
  }
}
