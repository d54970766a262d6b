/** Decides when the daily backup is due, and how one that never ended is shown; pure. */
import { say } from '#schemas/said.ts'

type BackupState = 'running' | 'made' | 'failed'

/** The facts about a backup that the rules need. */
export type Run = { state: BackupState; begun_at: string; ended_at: string | null; failure: string | null }

const DAY_MS = 86_400_000
/** The wait after a failed backup. */
const AGAIN_MS = 3_600_000
/** Longer than any backup takes. */
const LONGEST_MS = 6 * 3_600_000
/**
 * A backup that seems to begin later than this was made while the clock was ahead: it does not count, or none
 * would be made until then.
 */
const AHEAD_MS = 600_000

/**
 * Due daily after this hour (UTC), and again an hour after a failure. `made`: the newest successful backup;
 * `newest`: the newest of all.
 */
export function isDue(q: {
  now: number
  hour: number
  made: Run | undefined
  newest: Run | undefined
}): boolean {
  const today = Math.floor(q.now / DAY_MS) * DAY_MS + q.hour * 3_600_000
  const due = today <= q.now ? today : today - DAY_MS
  if (q.made !== undefined && isOfThePast(q.made, q.now) && Date.parse(q.made.begun_at) >= due) return false
  const { newest } = q
  if (newest === undefined || newest.state === 'made') return true
  const wait = newest.state === 'running' ? LONGEST_MS : AGAIN_MS
  return isApart(newest, q.now, wait)
}

function isOfThePast({ begun_at }: Run, now: number): boolean {
  return Date.parse(begun_at) <= now + AHEAD_MS
}

/** In either direction: one that was begun while the clock was ahead is waited for no longer. */
function isApart({ begun_at }: Run, now: number, ms: number): boolean {
  return Math.abs(now - Date.parse(begun_at)) >= ms
}

/** A backup that has been running for too long counts as failed: its process ended without recording that. */
export function outcomeOf(run: Run, now: number): { state: BackupState; failure: string | null } {
  if (run.state === 'running' && isApart(run, now, LONGEST_MS))
    return { state: 'failed', failure: say`The server ended while it made this backup.`.toString() }
  return { state: run.state, failure: run.failure }
}

/** Whether backups are in order: one was made in the last two days, and none has failed since. */
export function isWell(q: { now: number; made: Run | undefined; newest: Run | undefined }): boolean {
  if (q.made === undefined || !isOfThePast(q.made, q.now)) return false
  if (Date.parse(q.made.begun_at) + 2 * DAY_MS <= q.now) return false
  return q.newest === undefined || outcomeOf(q.newest, q.now).state !== 'failed'
}
