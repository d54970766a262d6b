/** When somebody is told of what ends; pure. */

export const DAY_MS = 86_400_000
/** Days ahead; 0 is the end itself. */
const THRESHOLDS = [60, 30, 14, 7, 1, 0] as const

/**
 * What ends, and when. `id` stays the same until it is another thing, or ends at another time. `begins`: a threshold that lies in the
 * first third of a life is none, so that nobody is told of what has just begun.
 */
export type Thing = {
  id: string
  kind:
    | 'SIGNING'
    | 'AUTHENTICATION'
    | 'SYSTEM_CERTIFICATE'
    | 'SERVICE_CERTIFICATE'
    | 'CONTRACT'
    | 'PIN'
    | 'BACKUP'
    | 'BACKUP_PROOF'
  /** What it is called; empty where its kind says all. */
  name: string
  /** The id of the key, service, contract or token, for its page. */
  of: string
  begins: number
  ends: number
  /** Why a renewal that should have replaced it did not. */
  overdue?: string
}

/**
 * The threshold that was passed last; undefined before the first. Whoever comes late (a server that was off, a certificate that was
 * imported late) is told once, and not of each threshold before.
 */
export function thresholdOf(
  { begins, ends }: Pick<Thing, 'begins' | 'ends'>,
  now: number,
): number | undefined {
  const left = (ends - now) / DAY_MS
  const life = (ends - begins) / DAY_MS
  return THRESHOLDS.filter((days) => left <= days && days <= (life * 2) / 3).at(-1)
}

/** Whole days that are left, at least 0. */
export function daysLeft(ends: number, now: number): number {
  return Math.max(0, Math.ceil((ends - now) / DAY_MS))
}

const FIRST_PAUSE_MS = 60_000
const LONGEST_PAUSE_MS = 3_600_000

/** After a try that failed: a minute, doubled up to an hour. */
export function nextTryAt(now: number, attempts: number): number {
  return now + Math.min(FIRST_PAUSE_MS * 2 ** Math.min(attempts, 20), LONGEST_PAUSE_MS)
}
