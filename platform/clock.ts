/** The time in milliseconds since 1970. Handed in everywhere, so that tests can set it. */
export type Clock = () => number

/**
 * Whether `ms` lie between `since` and now, on either side: a time that a clock wrote which was ahead, and is put right, keeps
 * nobody waiting for longer than twice `ms`.
 */
export function hasPassed(now: number, since: number, ms: number): boolean {
  return Math.abs(now - since) >= ms
}

export const systemClock: Clock = () => Date.now()
