/**
 * How long a failed job waits: doubling from 1 s to 5 minutes, with random variation so that many do not run
 * again at once.
 */

const FIRST_MS = 1000
/** The longest wait of a failed job. */
export const LONGEST_REST_MS = 300_000

/**
 * Whether a failure is worth a warning: the first one, and then at twice as many as at the warning before,
 * from 8 on. The state of jobs has the last one always.
 */
export function isTold(attempt: number): boolean {
  return attempt === 1 || (attempt >= 8 && Number.isInteger(Math.log2(attempt)))
}

/**
 * Milliseconds until the next attempt; `attempt` counts from 1, `random` is in [0, 1). Never longer than
 * `capMs`.
 */
export function backOff(attempt: number, random: number, capMs = LONGEST_REST_MS): number {
  const full = Math.min(FIRST_MS * 2 ** Math.min(attempt - 1, 20), LONGEST_REST_MS, capMs)
  return Math.round(full * (0.75 + random / 4))
}
