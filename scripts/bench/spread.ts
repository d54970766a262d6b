/** The ratios of rounds, in three figures. */

export type Spread = { median: number; least: number; most: number }

export function spreadOf(ratios: number[]): Spread {
  const sorted = ratios.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const median = (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2
  return { median, least: sorted[0]!, most: sorted.at(-1)! }
}

/** Of the mean: a hundred rounds that differ by a tenth say it to a hundredth. */
type Mean = { mean: number; standardError: number; quartiles: [lower: number, upper: number] }

export function meanOf(ratios: number[]): Mean {
  const sorted = ratios.toSorted((a, b) => a - b)
  const count = sorted.length
  const mean = sorted.reduce((sum, one) => sum + one, 0) / count
  const squares = sorted.reduce((sum, one) => sum + (one - mean) ** 2, 0)
  const standardError = count < 2 ? Number.NaN : Math.sqrt(squares / (count - 1) / count)
  const at = (share: number): number => sorted[Math.round(share * (count - 1))]!
  return { mean, standardError, quartiles: [at(0.25), at(0.75)] }
}

/** `0.87 (0.81 to 0.92)`. */
export function spreadText({ median, least, most }: Spread): string {
  return `${median.toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)})`
}
