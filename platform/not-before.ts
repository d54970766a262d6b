/**
 * Times before which something may not be done: it waits, or is claimed by a node. Guarantees that a clock
 * which was ahead delays nothing for longer than a correct one could: a time further ahead than the longest
 * wait counts as over.
 */

/** How much clocks of nodes may differ. */
const CLOCKS_MS = 3_600_000

export type NotBeforeQuestion = { now: string; longestMs: number }

/** The latest time that a correct clock can have written. */
export function latestPlausible({ now, longestMs }: NotBeforeQuestion): string {
  return new Date(Date.parse(now) + longestMs + CLOCKS_MS).toISOString()
}

/** Whether a time, '' for none, has come, or is later than a correct clock can have written. */
export function isOver(until: string, q: NotBeforeQuestion): boolean {
  return until <= q.now || until > latestPlausible(q)
}
