/** The clock of tests that compare days or months with those of what they logged. */

const DAY_MS = 86_400_000
/** What a test may take on a busy machine. */
const LONGEST_MS = 1_200_000

/**
 * How far ahead of the machine's clock a test's is: in the last minutes of a day (UTC) it is in the next one,
 * so that none ends meanwhile.
 */
export function aheadOfMidnight(): number {
  const leftMs = DAY_MS - (Date.now() % DAY_MS)
  return leftMs < LONGEST_MS ? leftMs : 0
}
