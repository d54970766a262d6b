/**
 * How far this machine's clock is off, by times that others have just signed: a time-stamping authority, the registry. Between two of
 * them the clock is held against the time that passes, so that a leap is seen, and a clock that was put right, without waiting for the next.
 */
import { uptime } from 'node:os'
import type { Clock } from '#platform/clock.ts'
import type { Finding } from './create-health.ts'

/** Peers refuse a signing time that differs by more. */
const STOPS_MS = 5 * 60_000
const WARNS_MS = 10_000
/** Nothing is said by what was heard longer ago. */
const KEPT_MS = 3_600_000

export type ClockCheck = {
  /** `time` was signed by `by` for what we asked just now, and the signature was verified. */
  heard(q: { by: string; time: Date }): void
  /** Ahead of others when positive; undefined when nobody was heard within the hour. */
  errorMs(): number | undefined
  finding(): Finding
}

/** `elapsed`: milliseconds that pass, those of a machine's sleep included. */
export function createClockCheck(q: { clock: Clock; elapsed?: () => number }): ClockCheck {
  const elapsed = q.elapsed ?? (() => uptime() * 1000)
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
