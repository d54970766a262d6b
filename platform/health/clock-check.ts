/**
 * Measures how far this machine's clock is off, by times that others have just signed: a time-stamping
 * authority, the registry. Between two such times it compares the clock with elapsed time. So a leap, or a
 * correction of the clock, is noticed at once.
 */
import { type Clock, elapsedTime } from '#platform/clock.ts'
import type { Finding } from './create-health.ts'

/** Peers refuse a signing time that differs by more than this. */
const STOPS_MS = 5 * 60_000
const WARNS_MS = 10_000
/** Older times are not used any more. */
export const KEPT_MS = 3_600_000
/**
 * By so much the clock may be ahead of what others signed while things are deleted for good by it, whose
 * times are days.
 */
const PROVEN_WITHIN_MS = 600_000

export type ClockCheck = {
  /** Reports that `by` has just signed `time` in answer to us; the signature must be verified. */
  heard(q: { by: string; time: Date }): void
  /** Positive if the clock is ahead of others; undefined if no time was reported within the hour. */
  errorMs(): number | undefined
  /**
   * Whether something may be deleted for good because its time is over by the clock: not while the clock is
   * further than anything that others signed, so neither after a leap nor before the first signed time of a
   * start.
   */
  isProven(): boolean
  /**
   * The latest time (ms) that others have signed, with what has elapsed since; undefined while there is none.
   */
  signedTime(): number | undefined
  finding(): Finding
}

/**
 * `elapsed`: elapsed milliseconds, including the machine's sleep. `signedUntil`: the time (ms) until which
 * what others signed for now is valid, also when it has ended meanwhile: it was fetched no later.
 */
export function createClockCheck(q: {
  clock: Clock
  elapsed?: () => number
  signedUntil?: () => number | undefined
}): ClockCheck {
  const elapsed = q.elapsed ?? elapsedTime
  let last: { by: string; time: number; at: number } | undefined

  const errorMs = (): number | undefined => {
    if (last === undefined) return undefined
    const passed = elapsed() - last.at
    return passed > KEPT_MS ? undefined : Math.round(q.clock() - last.time - passed)
  }
  // Elapsed time counts for as long as the process lives: an outage of all others ends no deletion.
  const signedTime = (): number | undefined => {
    const heard = last === undefined ? 0 : last.time + elapsed() - last.at
    return Math.max(heard, q.signedUntil?.() ?? 0) || undefined
  }
  const isProven = (): boolean => q.clock() <= (signedTime() ?? 0) + PROVEN_WITHIN_MS
  return {
    isProven,
    signedTime,
    heard: ({ by, time }) => {
      last = { by, time: time.getTime(), at: elapsed() }
    },
    errorMs,
    finding: () => {
      const error = errorMs()
      if (error === undefined && !isProven())
        return {
          ok: true,
          reason: `nobody has signed a time near that of the clock since this server started: until then nothing is deleted because its time is over`,
        }
      return errorFinding(error ?? 0, last?.by)
    },
  }
}

/** What to say of a clock that is off by `error` ms from what `by` signed. */
export function errorFinding(error: number, by: string | undefined): Finding {
  if (Math.abs(error) < WARNS_MS) return { ok: true }
  const seconds = Math.round(Math.abs(error) / 1000)
  const reason = `the clock is ${seconds} s ${error > 0 ? 'ahead of' : 'behind'} the time that ${by} signed: synchronise it`
  return { ok: Math.abs(error) < STOPS_MS, reason }
}
