/** The counts of a statement; those that are not given are 0. */
import type { Statement } from '#schemas/reconciliation.ts'

export function countsOf(given: Partial<Statement['counts']>): Statement['counts'] {
  const [matched, missingAtFirst, missingAtSecond] = [0, 0, 0]
  const [differing, notComparable, unconfirmed] = [0, 0, 0]
  return { matched, missingAtFirst, missingAtSecond, differing, notComparable, unconfirmed, ...given }
}
