/**
 * Whether recurring jobs come to their turn. A row shows no progress when nobody claims it, holds it or ends it; how long that has
 * been so is told by time that passes here, and not by clocks, for a clock that was put right is one cause of it.
 */
import type { Clock } from '#platform/clock.ts'
import type { Finding } from '#platform/health/create-health.ts'
import type { RecurringRow } from './store.ts'

/** So many of its intervals, and at least five minutes: a busy machine, a queue or another node may be late. */
const INTERVALS = 10
const LEAST_MS = 5 * 60_000

/** `elapsed` gives milliseconds that only rise; jobs are watched from now on. */
export function watchStandstill(q: {
  recurring(): Promise<RecurringRow[]>
  clock: Clock
  elapsed: () => number
}): () => Promise<Finding> {
  const startedAt = q.elapsed()
  const seen = new Map<string, { progress: string; at: number }>()

  /** When the row last showed progress; what is seen for the first time may have stood before, but not before we did. */
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
      const patience = Math.max(LEAST_MS, INTERVALS * row.everySeconds * 1000)
      return now - lastProgress(row, now) > patience
    })
    const [first] = still
    if (first === undefined) return { ok: true }
    const more = still.length === 1 ? '' : ` and ${still.length - 1} others`
    return { ok: false, reason: `${first.kind}${more} did not come to their turn for too long` }
  }
}
