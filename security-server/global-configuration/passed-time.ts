/**
 * The time by which this room judges what has ended. While nothing newer is accepted it only goes forward: a clock that is turned
 * back during an outage of the registry gives nobody time anew. Whatever a wrong clock did is over with the next publication.
 */
import type { Clock } from '#platform/clock.ts'

export type PassedTime = {
  /** In ms, as of a clock. */
  now: Clock
  /** Something newer was accepted, which the registry signed at `signedAt` (ms): from then on the clock counts again. */
  begin(signedAt: number): void
}

/** `passed` is what an earlier process had reached. */
export function createPassedTime(clock: Clock, passed: number): PassedTime {
  let latest = passed
  return {
    now: () => {
      latest = Math.max(latest, clock())
      return latest
    },
    begin: (signedAt) => {
      latest = signedAt
    },
  }
}
