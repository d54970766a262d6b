/**
 * Corrects times in rows that no correct clock can have written: after a clock was set back, jobs must not
 * wait for the old time.
 */
import type { Kysely } from 'kysely'
import { prepared } from '#platform/database/prepared.ts'
import type { JobRow, JobTables } from './migrations.ts'

export type LongestTimes = { now: number; leaseMs: number; longestRestMs: number }

/** How much clocks of nodes may differ; a wait that is longer by this much does no harm. */
const SKEW_MS = 1000

/**
 * Returns a function that corrects. After the correction, a recurring kind waits at most its interval, a
 * failed job at most `longestRestMs`, an enqueued job as long as was asked, counted from now, and a claim at
 * most `leaseMs`. A working node does not lose its claim, since it renews it. Returns the number of changed
 * rows.
 */
export function timesToMend(tables: Kysely<JobTables>): (q: LongestTimes) => Promise<number> {
  const ahead = prepared((than: { now: string; rest: string; skew: string; lease: string }) =>
    tables
      .selectFrom('job')
      .select(['id', 'run_at', 'created_at', 'attempt', 'every_seconds', 'claimed_by', 'claimed_until'])
      .where((row) =>
        row.or([
          row.and([row('run_at', '>', than.now), row('every_seconds', 'is not', null)]),
          row.and([row('run_at', '>', than.rest), row('attempt', '>', 0)]),
          row('created_at', '>', than.skew),
          row('claimed_until', '>', than.lease),
        ]),
      ),
  )
  return async (q) => {
    const later = (ms: number): string => new Date(q.now + ms).toISOString()
    const rows = await ahead(tables, {
      ...{ now: later(0), rest: later(q.longestRestMs) },
      ...{ skew: later(SKEW_MS), lease: later(q.leaseMs + SKEW_MS) },
    })
    let mended = 0
    for (const row of rows) {
      const times = timesMended(row, q)
      if (times === undefined) continue
      const update = tables.updateTable('job').set(times).where('id', '=', row.id)
      // Unless the row was claimed, ended or enqueued again meanwhile.
      const same = update.where('run_at', '=', row.run_at).where('created_at', '=', row.created_at)
      const held =
        row.claimed_by === null
          ? same.where('claimed_by', 'is', null)
          : same.where('claimed_by', '=', row.claimed_by)
      mended += Number((await held.executeTakeFirst()).numUpdatedRows)
    }
    return mended
  }
}

type Times = Pick<JobRow, 'run_at'> & { created_at: string; claimed_until: string | null }

/**
 * The times limited to what a clock that shows `now` can have written; undefined if they are within the
 * limits.
 */
function timesMended(
  row: Times & Pick<JobRow, 'attempt' | 'every_seconds'>,
  q: LongestTimes,
): Times | undefined {
  const [runAt, createdAt] = [Date.parse(row.run_at), Date.parse(row.created_at)]
  const until = row.claimed_until === null ? undefined : Date.parse(row.claimed_until)
  const isFromAhead = createdAt > q.now + SKEW_MS
  const latest = Math.min(
    row.every_seconds === null ? Number.POSITIVE_INFINITY : q.now + row.every_seconds * 1000,
    row.every_seconds === null && row.attempt > 0 ? q.now + q.longestRestMs : Number.POSITIVE_INFINITY,
    isFromAhead ? q.now + Math.max(0, runAt - createdAt) : Number.POSITIVE_INFINITY,
  )
  const isLate = runAt > latest + SKEW_MS
  const isHeldTooLong = until !== undefined && until > q.now + q.leaseMs + SKEW_MS
  if (!isLate && !isFromAhead && !isHeldTooLong) return undefined
  const iso = (ms: number): string => new Date(ms).toISOString()
  return {
    run_at: isLate ? iso(latest) : row.run_at,
    created_at: isFromAhead ? iso(q.now) : row.created_at,
    claimed_until: isHeldTooLong ? iso(q.now + q.leaseMs) : row.claimed_until,
  }
}
