/**
 * Keeps the spans of exchanges that have ended, in memory, and sends them. When the collector is away for long the oldest are given up and
 * counted; an exchange never waits, and none of its spans is worth a place in the database.
 */
import type { Clock } from '#platform/clock.ts'
import { resourceOf, type ToldBy } from '#platform/telemetry/attributes.ts'
import { type Collector, postToCollector } from '#platform/telemetry/client.ts'

export type SpanSender = {
  add(spans: object[]): void
  waiting(): number
  /** Something waits, and the collector has not just failed. */
  isDue(): boolean
  /** Throws `telemetry_refused`; what was not taken stays. What the collector says to have rejected is not sent again. */
  send(signal: AbortSignal): Promise<void>
}

const MOST = 4096
const AT_ONCE = 512
const GIVEN_UP_AT_ONCE = MOST / 8
const PAUSE_MS = 2_000
const AFTER_FAILURE_MS = 30_000

export function createSpanSender(q: {
  clock: Clock
  collector: Collector
  toldBy: ToldBy
  onLost(spans: number): void
}): SpanSender {
  let waiting: object[] = []
  let nextAt = 0
  const resource = resourceOf(q.toldBy)
  return {
    add(spans) {
      waiting.push(...spans)
      if (waiting.length <= MOST) return
      // Cut by parts: to cut one by one would copy the list for each exchange.
      waiting = waiting.slice(GIVEN_UP_AT_ONCE)
      q.onLost(GIVEN_UP_AT_ONCE)
    },
    waiting: () => waiting.length,
    isDue: () => waiting.length > 0 && q.clock() >= nextAt,
    async send(signal) {
      nextAt = q.clock() + AFTER_FAILURE_MS
      for (let left = waiting.length; left > 0; left -= AT_ONCE) {
        const spans = waiting.slice(0, AT_ONCE)
        const scopeSpans = [{ scope: { name: 'concordat' }, spans }]
        await postToCollector(q.collector, { resourceSpans: [{ resource, scopeSpans }] }, signal)
        const sent = new Set(spans)
        // The oldest of them may have been given up in the meantime.
        waiting = waiting.filter((span) => !sent.has(span))
      }
      nextAt = q.clock() + PAUSE_MS
    },
  }
}
