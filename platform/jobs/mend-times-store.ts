/**
 * Corrects times in rows that no correct clock can have written: after a clock was set back, jobs must not wait for the old time.
 */
import type { Kysely } from 'kysely'
import { prepared } from '#platform/database/prepared.ts'
import type { JobRow, JobTables } from './migrations.ts'

export type LongestTimes = { now: number; leaseMs: number; longestRestMs: number }

/** How much clocks of nodes may differ; a wait that is longer by this much does no harm. */
const SKEW_MS = 1000

/**
 * Returns a function that corrects. After the correction, a recurring kind waits at most its interval, a failed job at most `longestRestMs`, an
 * enqueued job as long as was asked, counted from now, and a claim at most `leaseMs`. A working node does not lose its claim, since it
 * renews it. Returns the number of changed rows.
 */
export function timesToMend(tables: Kysely<JobTables>): (q: LongestTimes) => Promise<number> {
  const latest = prepared(() =>
    tables
      .selectFrom('job')
      .select((row) => [
        'every_seconds',
        row.fn.max('run_at').as('run_at'),
        row.fn.max(row.case().when('attempt', '>', 0).then(row.ref('run_at')).end()).as('tried_run_at'),
        row.fn.max('created_at').as('created_at'),
        row.fn.max('claimed_until').as('claimed_until'),
      ])
      .groupBy('every_seconds'),
  )
  return async (q) => {
    const { now, leaseMs, longestRestMs } = q
    const isLater = (time: string | null, ms: number): boolean =>
      time !== null && time > new Date(now + ms).toISOString()
    const isAhead = (await latest(tables, {})).some(
      ({ every_seconds: every, run_at, tried_run_at, created_at, claimed_until }) =>
        (every === null ? isLater(tried_run_at, longestRestMs) : isLater(run_at, Number(every) * 1000)) ||
        isLater(created_at, SKEW_MS) ||
        isLater(claimed_until, leaseMs + SKEW_MS),
    )
    // Each second, and hardly ever anything is: so the rows are read only then.
    return isAhead ? mendRows(tables, q) : 0
  }
}

async function mendRows(
  tables: Kysely<JobTables>,
  { now, leaseMs, longestRestMs }: LongestTimes,
): Promise<number> {
  const later = (ms: number): string => new Date(now + ms).toISOString()
  const columns = [
    'id',
    'run_at',
    'created_at',
    'attempt',
    'every_seconds',
    'claimed_by',
    'claimed_until',
  ] as const
  const rows = await tables
    .selectFrom('job')
    .select(columns)
    .where((row) =>
      row.or([
        row.and([row('run_at', '>', later(0)), row('every_seconds', 'is not', null)]),
        row.and([row('run_at', '>', later(longestRestMs)), row('attempt', '>', 0)]),
        row('created_at', '>', later(SKEW_MS)),
        row('claimed_until', '>', later(leaseMs + SKEW_MS)),
      ]),
    )
    .execute()
  let mended = 0
  for (const row of rows) {
    const times = timesMended(row, { now, leaseMs, longestRestMs })
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

type Times = Pick<JobRow, 'run_at'> & { created_at: string; claimed_until: string | null }

/** The times limited to what a clock that shows `now` can have written; undefined if they are within the limits. */
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
