/**
 * Whether the clock goes as the machine's own time does. Guarantees that a clock which leaps ahead makes
 * nothing over for good: its event could not make an offer once more. No server signs times for this process,
 * so a clock that was wrong at its start is not known.
 */
import type { Clock } from '#platform/clock.ts'
import type { Finding } from '#platform/health/create-health.ts'

export type SteadyClock = {
  isSteady(): boolean
  /** Says why nothing ends meanwhile. */
  finding(): Finding
}

/** Corrections are small, and what ends here has days. */
const STEADY_MS = 600_000
/**
 * A leap that has lasted so long is taken for a correction: until then an operator can put the clock right.
 */
const BELIEVED_MS = 86_400_000

/** `elapsed`: milliseconds that no setting of the clock changes. */
export function createSteadyClock(clock: Clock, elapsed: () => number): SteadyClock {
  const offset = (): number => clock() - elapsed()
  let steady = offset()
  let leap: { to: number; at: number } | undefined
  const isSteady = (): boolean => {
    const now = offset()
    // One that goes back ends nothing too early.
    if (now <= steady + STEADY_MS) {
      steady = Math.min(now, steady)
      leap = undefined
      return true
    }
    if (leap === undefined || Math.abs(now - leap.to) > STEADY_MS) leap = { to: now, at: elapsed() }
    if (elapsed() - leap.at < BELIEVED_MS) return false
    steady = now
    leap = undefined
    return true
  }
  return {
    isSteady,
    finding: () =>
      isSteady()
        ? { ok: true }
        : {
            ok: true,
            reason: 'the clock has leapt ahead: until it is right, or a day has gone by, nothing ends by it',
          },
  }
}
