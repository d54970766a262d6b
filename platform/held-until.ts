/**
 * Times that hold something back: until then it waits, or is claimed. Guarantees that a clock which was ahead holds nothing back for longer
 * than a correct one could: a time further ahead than the longest wait is as if it were over.
 */

/** How much clocks of nodes may differ. */
const CLOCKS_MS = 3_600_000

export type HeldQuestion = { now: string; longestMs: number }

/** The latest time that a correct clock can have written. */
export function latestHeld({ now, longestMs }: HeldQuestion): string {
  return new Date(Date.parse(now) + longestMs + CLOCKS_MS).toISOString()
}

/** Whether a time, '' for none, holds back no more. */
export function isOver(until: string, q: HeldQuestion): boolean {
  return until <= q.now || until > latestHeld(q)
}
