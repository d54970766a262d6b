/**
 * Times of answers in a bounded histogram: classes that grow by a fixed factor, so that a percentile is wrong
 * by at most 9.1 %, with a number of classes that does not depend on how many answers there were.
 */

/** Classes in which a time doubles. */
const PER_DOUBLING = 4
/** Everything from about 4.6 hours on. The first class is all up to 1 ms. */
const LAST = 96

/**
 * By how much a percentile may differ from the true one, as a share of it: half a class, since its middle is
 * told.
 */
export const LATENCY_ERROR = 2 ** (1 / (2 * PER_DOUBLING)) - 1

/** How many answers each class has. */
export type LatencyCounts = Map<number, number>

type Percentiles = { p50: number; p95: number; p99: number }

/** The class of a time. A clock that was set back makes a time negative: it counts as none. */
export function classOf(ms: number): number {
  return ms <= 1 ? 0 : Math.min(LAST, Math.ceil(Math.log2(ms) * PER_DOUBLING))
}

/** Milliseconds, rounded; undefined when nothing was answered. */
export function percentilesOf(counts: LatencyCounts): Percentiles | undefined {
  const classes = [...counts].toSorted(([a], [b]) => a - b)
  const total = classes.reduce((sum, [, count]) => sum + count, 0)
  if (total === 0) return undefined
  const at = (share: number): number => {
    let left = Math.ceil(share * total)
    for (const [one, count] of classes) {
      left -= count
      if (left <= 0) return Math.round(middleOf(one))
    }
    return Math.round(middleOf(LAST))
  }
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) }
}

function middleOf(one: number): number {
  return one === 0 ? 1 : 2 ** ((one - 0.5) / PER_DOUBLING)
}

/** As a row has them: "3:17 4:2". */
export function writeCounts(counts: LatencyCounts): string {
  return [...counts].map(([one, count]) => `${one}:${count}`).join(' ')
}

/** Adds what a row has. */
export function addCounts(counts: LatencyCounts, row: string): void {
  for (const part of row.split(' ')) {
    const [one, count] = part.split(':').map(Number) as [number, number]
    counts.set(one, (counts.get(one) ?? 0) + count)
  }
}
