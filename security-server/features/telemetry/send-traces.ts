/**
 * Keeps the spans of exchanges that have ended, in memory, and sends them. When the collector is away for
 * long the oldest are given up and counted; an exchange never waits, and none of its spans is worth a place
 * in the database.
 */
import type { Clock } from '#platform/clock.ts'
import { resourceOf, type ToldBy } from '#platform/telemetry/attributes.ts'
import { type Collector, offerToCollector, rejectedBy } from '#platform/telemetry/client.ts'

export type SpanSender = {
  add(spans: object[]): void
  waiting(): number
  /** Something waits, and the collector has not just failed. */
  isDue(): boolean
  /**
   * Throws `telemetry_refused`; what was not taken stays. What the collector finds bad, or says to have
   * rejected, is given up.
   */
  send(signal: AbortSignal): Promise<void>
}

const MOST = 4096
const AT_ONCE = 512
const GIVEN_UP_AT_ONCE = MOST / 8
/**
 * Each run of the job is written to the database: few runs, and the next one at once when half of the places
 * are taken.
 */
const PAUSE_MS = 15_000
const AFTER_FAILURE_MS = 30_000

export function createSpanSender(q: {
  clock: Clock
  collector: Collector
  toldBy: ToldBy
  onLost(spans: number): void
}): SpanSender {
  let waiting: object[] = []
  let sentAt = Number.NEGATIVE_INFINITY
  let pauseMs = 0
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
    isDue() {
      const pause = pauseMs === PAUSE_MS && waiting.length > MOST / 2 ? 0 : pauseMs
      // Also a clock that was set back.
      return waiting.length > 0 && Math.abs(q.clock() - sentAt) >= pause
    },
    async send(signal) {
      sentAt = q.clock()
      pauseMs = AFTER_FAILURE_MS
      for (let left = waiting.length; left > 0; left -= AT_ONCE) {
        const spans = waiting.slice(0, AT_ONCE)
        const scopeSpans = [{ scope: { name: 'concordat' }, spans }]
        const answer = await offerToCollector(
          q.collector,
          { resourceSpans: [{ resource, scopeSpans }] },
          signal,
        )
        q.onLost(answer === undefined ? spans.length : rejectedBy(answer, 'rejectedSpans'))
        const sent = new Set(spans)
        // The oldest of them may have been given up in the meantime.
        waiting = waiting.filter((span) => !sent.has(span))
      }
      pauseMs = PAUSE_MS
    },
  }
}
