/**
 * Limits the failed tries of each address or person; the memory for this is bounded too. Each node counts
 * separately.
 */
import type { Clock } from '#platform/clock.ts'
import { networkOf } from '#platform/http-service/rate-limit.ts'
import { Fault } from '#schemas/fault.ts'
import type { Word } from '#schemas/said.ts'

export type FailedTries = {
  /** Whole seconds until `who` may try again; 0 when they may. */
  waitSeconds(who: string): number
  /** Throws `too_many_requests`, which says why and when `who` may try again. */
  check(who: string, why: Word): void
  count(who: string): void
}

const MOST = 10
const WINDOW_MS = 15 * 60_000
const MOST_KNOWN = 10_000

/** `who` is the address of a caller, or the id of a person. */
export function createFailedTries(clock: Clock): FailedTries {
  const windows = new Map<string, { endsAt: number; failed: number }>()
  const windowOf = (who: string) => {
    const known = windows.get(networkOf(who))
    return known !== undefined && known.endsAt > clock() ? known : { endsAt: clock() + WINDOW_MS, failed: 0 }
  }
  const waitSeconds = (who: string): number => {
    const { endsAt, failed } = windowOf(who)
    return failed < MOST ? 0 : Math.ceil((endsAt - clock()) / 1000)
  }
  return {
    waitSeconds,
    check: (who, why) => {
      const wait = waitSeconds(who)
      if (wait > 0) throw new Fault('too_many_requests', { what: why, retryAfter: wait })
    },
    count: (who) => {
      const window = windowOf(who)
      window.failed++
      // The most recent one is last, so the first one can be dropped.
      windows.delete(networkOf(who))
      windows.set(networkOf(who), window)
      if (windows.size > MOST_KNOWN) windows.delete(windows.keys().next().value as string)
    },
  }
}
