/**
 * Detects recurring jobs that do not run. A row shows no progress while nobody claims it, renews its claim or
 * ends it. The duration is measured by elapsed time on this machine instead of clocks, because a clock that
 * was set back is one possible cause.
 */
import type { Clock } from '#platform/clock.ts'
import type { Finding } from '#platform/health/create-health.ts'
import { say } from '#schemas/said.ts'
import type { RecurringRow } from './recurring-store.ts'

/**
 * The number of missed intervals, and at least five minutes: a busy machine, a queue or another node may be
 * late.
 */
const INTERVALS = 10
const LEAST_MS = 5 * 60_000

/** `elapsed` returns elapsed milliseconds; jobs are watched from now on. */
export function watchStandstill(q: {
  recurring(): Promise<RecurringRow[]>
  clock: Clock
  elapsed: () => number
}): () => Promise<Finding> {
  const startedAt = q.elapsed()
  const seen = new Map<string, { progress: string; at: number }>()

  /**
   * When the row last showed progress. A row seen for the first time may have stood still before, but only
   * the time since our start counts.
   */
  const lastProgress = (row: RecurringRow, now: number): number => {
    const progress = `${row.lastEndedAt} ${row.claimedUntil}`
    const known = seen.get(row.kind)
    if (known?.progress === progress) return known.at
    const age = q.clock() - Date.parse(row.lastEndedAt ?? '')
    const isHeld = row.claimedUntil !== null
    const at =
      known === undefined && !isHeld && !(age < 0) ? now - Math.min(age || Infinity, now - startedAt) : now
    seen.set(row.kind, { progress, at })
    return at
  }

  return async () => {
    const now = q.elapsed()
    const still = (await q.recurring()).filter((row) => {
      const allowedMs = Math.max(LEAST_MS, INTERVALS * row.everySeconds * 1000)
      return now - lastProgress(row, now) > allowedMs
    })
    const [first] = still
    if (first === undefined) return { ok: true }
    const more = still.length === 1 ? '' : ` and ${still.length - 1} others`
    return { ok: false, reason: say`${first.kind}${more} did not come to their turn for too long` }
  }
}
