/** When somebody is told of what ends. */

export const DAY_MS = 86_400_000
/** Days ahead; 0 is the end itself. */
const THRESHOLDS = [60, 30, 14, 7, 1, 0] as const

/**
 * The threshold that was passed last; undefined before the first. Whoever comes late (a server that was off,
 * a certificate that was imported late) is told once, and not of each threshold before. A threshold that lies
 * in the first third of a life is none, so that nobody is told of what has just begun.
 */
export function thresholdOf(
  { begins, ends }: { begins: number; ends: number },
  now: number,
): number | undefined {
  const left = (ends - now) / DAY_MS
  const life = (ends - begins) / DAY_MS
  return THRESHOLDS.filter((days) => left <= days && days <= (life * 2) / 3).at(-1)
}
