/**
 * Measures how far this machine's clock is off, by times that others have just signed: a time-stamping authority, the registry.
 * Between two such times it compares the clock with elapsed time. So a leap, or a correction of the clock, is noticed at once.
 */
import { type Clock, elapsedTime } from '#platform/clock.ts'
import type { Finding } from './create-health.ts'

/** Peers refuse a signing time that differs by more than this. */
const STOPS_MS = 5 * 60_000
const WARNS_MS = 10_000
/** Older times are not used any more. */
const KEPT_MS = 3_600_000

export type ClockCheck = {
  /** Reports that `by` has just signed `time` in answer to us; the signature must be verified. */
  heard(q: { by: string; time: Date }): void
  /** Positive if the clock is ahead of others; undefined if no time was reported within the hour. */
  errorMs(): number | undefined
  finding(): Finding
}

/** `elapsed`: elapsed milliseconds, including the machine's sleep. */
export function createClockCheck(q: { clock: Clock; elapsed?: () => number }): ClockCheck {
  const elapsed = q.elapsed ?? elapsedTime
  let last: { by: string; time: number; at: number } | undefined

  const errorMs = (): number | undefined => {
    if (last === undefined) return undefined
    const passed = elapsed() - last.at
    return passed > KEPT_MS ? undefined : Math.round(q.clock() - last.time - passed)
  }
  return {
    heard: ({ by, time }) => {
      last = { by, time: time.getTime(), at: elapsed() }
    },
    errorMs,
    finding: () => {
      const error = errorMs()
      if (error === undefined || Math.abs(error) < WARNS_MS) return { ok: true }
      const seconds = Math.round(Math.abs(error) / 1000)
      const reason = `the clock is ${seconds} s ${error > 0 ? 'ahead of' : 'behind'} the time that ${last?.by} signed: synchronise it`
      return { ok: Math.abs(error) < STOPS_MS, reason }
    },
  }
}
