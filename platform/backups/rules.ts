/** When the daily backup is due, and how one that never ended is shown; pure. */

type BackupState = 'running' | 'made' | 'failed'

/** What a rule has to know of a backup. */
export type Run = { state: BackupState; begun_at: string; ended_at: string | null; failure: string | null }

const DAY_MS = 86_400_000
/** After one that failed. */
const AGAIN_MS = 3_600_000
/** No backup takes so long. */
const LONGEST_MS = 6 * 3_600_000

/** Daily, after this hour (UTC); again an hour after a failure. `newest` are the newest that was made and the newest of all. */
export function isDue(q: {
  now: number
  hour: number
  made: Run | undefined
  newest: Run | undefined
}): boolean {
  const today = Math.floor(q.now / DAY_MS) * DAY_MS + q.hour * 3_600_000
  const due = today <= q.now ? today : today - DAY_MS
  if (q.made !== undefined && Date.parse(q.made.begun_at) >= due) return false
  const { newest } = q
  if (newest === undefined || newest.state === 'made') return true
  const wait = newest.state === 'running' ? LONGEST_MS : AGAIN_MS
  return Date.parse(newest.begun_at) + wait <= q.now
}

/** One whose process ended meanwhile has failed, though nobody wrote it down. */
export function outcomeOf(run: Run, now: number): { state: BackupState; failure: string | null } {
  if (run.state === 'running' && Date.parse(run.begun_at) + LONGEST_MS <= now)
    return { state: 'failed', failure: 'The server ended while it made this backup.' }
  return { state: run.state, failure: run.failure }
}

/** Whether backups are as they should be: one of the last two days, and no failure since. */
export function isWell(q: { now: number; made: Run | undefined; newest: Run | undefined }): boolean {
  if (q.made === undefined || Date.parse(q.made.begun_at) + 2 * DAY_MS <= q.now) return false
  return q.newest === undefined || outcomeOf(q.newest, q.now).state !== 'failed'
}
