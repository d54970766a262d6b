/** The ratios of rounds, in three figures. */

export type Spread = { median: number; least: number; most: number }

export function spreadOf(ratios: number[]): Spread {
  const sorted = ratios.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const median = (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2
  return { median, least: sorted[0]!, most: sorted.at(-1)! }
}

/** `0.87 (0.81 to 0.92)`. */
export function spreadText({ median, least, most }: Spread): string {
  return `${median.toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)})`
}
