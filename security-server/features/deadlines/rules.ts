/** When somebody is told of what ends; pure. */

import { DAY_MS } from '#core/mail/threshold.ts'

/**
 * What ends, and when. `id` stays the same until it is another thing, or ends at another time. `begins`: when
 * its life began (core/mail/threshold.ts).
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

/** Whole days that are left, at least 0. */
export function daysLeft(ends: number, now: number): number {
  return Math.max(0, Math.ceil((ends - now) / DAY_MS))
}

const FIRST_PAUSE_MS = 60_000
export const LONGEST_PAUSE_MS = 3_600_000

/** After a try that failed: a minute, doubled up to an hour. */
export function nextTryAt(now: number, attempts: number): number {
  return now + Math.min(FIRST_PAUSE_MS * 2 ** Math.min(attempts, 20), LONGEST_PAUSE_MS)
}
