/**
 * What waits in the order in which it is looked at: what is urgent first, what others have to do last. Pure.
 */
import type { Tone } from '../../kit/status.tsx'

const RANK: Record<Tone, number> = { bad: 0, warn: 1, good: 1, quiet: 2 }

export function byUrgency<T extends { tone: Tone }>(waiting: readonly T[]): T[] {
  return waiting.toSorted((one, other) => RANK[one.tone] - RANK[other.tone])
}
