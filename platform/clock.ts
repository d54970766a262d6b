import { uptime } from 'node:os'

/** The time in milliseconds since 1970. Passed in everywhere, so that tests can set it. */
export type Clock = () => number

/**
 * Whether `now` and `since` differ by `ms` or more, in either direction. So a `since` in the future, written
 * before a clock was set back, delays nothing by more than twice `ms`.
 */
export function hasPassed(now: number, since: number, ms: number): boolean {
  return Math.abs(now - since) >= ms
}

export const systemClock: Clock = () => Date.now()

/** Milliseconds since the machine began, its sleep included: no setting of the clock changes it. */
export const elapsedTime = (): number => uptime() * 1000
