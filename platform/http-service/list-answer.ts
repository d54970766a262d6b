/** Answers with a page of a list and the total number of entries, so that readers can page through it. */
import { type Answer, answer } from './answer.ts'

/**
 * Calls `count` only if the page itself does not show the total, which saves a second query for short
 * results.
 */
export async function listAnswer<Row extends object>(
  rows: Row[],
  { offset, limit }: { offset: number; limit: number },
  count: () => Promise<number>,
): Promise<Answer<Row[]>> {
  const isLast = rows.length < limit && (rows.length > 0 || offset === 0)
  const total = isLast ? offset + rows.length : await count()
  return answer(rows, { headers: { 'x-total-count': String(total) } })
}
