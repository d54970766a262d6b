/**
 * Verifies an exchange on a thread of its own: reading and hashing megabytes takes tenths of a second, in
 * which no exchange waits.
 */
import { createSharedPlaces } from '#platform/in-turn.ts'
import { askThread, type ThreadLimits } from '#platform/threads/ask-thread.ts'
import { Fault } from '#schemas/fault.ts'
import { kept, say } from '#schemas/said.ts'
import type { ExchangeVerdict } from './verify-worker.ts'

/** The configuration in the bundle may be that of a large instance. */
const LIMITS: ThreadLimits = { timeMs: 110_000, oldGenerationMb: 1024 }
const RETRY_SECONDS = 30
/**
 * Auditors have two cores, however many ask, and each of them one at a time: while one of them verifies
 * something large, there is a place for the others.
 */
const inPlace = createSharedPlaces({
  ...{ places: 2, mostWaiting: 8 },
  refuse: () =>
    new Fault('too_many_requests', {
      what: say`as many of your verifications wait as may`,
      retryAfter: RETRY_SECONDS,
    }),
})

/** What a thread says comes from it as a text. */
function inWords({ reason, records, ...verdict }: ExchangeVerdict) {
  return {
    ...verdict,
    reason: kept(reason),
    records: records.map((one) => ({ ...one, reason: kept(one.reason) })),
  }
}

/**
 * The verdicts on a bundle that this server writes, by the configuration that it puts in. It is written only
 * when its turn has come: in memory there are two, however many wait. Throws `service_unavailable`,
 * `too_many_requests`, and as `write`.
 */
export function verifyInThread(q: { owner: string; write: () => Promise<Buffer>; now: number }) {
  const script = new URL('./verify-worker.ts', import.meta.url)
  const refuse = (what: string, cause?: unknown) => new Fault('service_unavailable', { what, cause })
  return inPlace(q.owner, async () => {
    const question = { bundle: await q.write(), now: q.now }
    return inWords((await askThread({ script, question, limits: LIMITS, refuse })) as ExchangeVerdict)
  })
}
