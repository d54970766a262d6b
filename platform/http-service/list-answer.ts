/** A list's page with the number of all that it is a page of, for readers who page through it. */
import { type Answer, answer } from './answer.ts'

/** Counts only where the page itself does not tell: a search that finds little is read once, not twice. */
export async function listAnswer(
  rows: object[],
  { offset, limit }: { offset: number; limit: number },
  count: () => Promise<number>,
): Promise<Answer> {
  const isLast = rows.length < limit && (rows.length > 0 || offset === 0)
  const total = isLast ? offset + rows.length : await count()
  return answer(rows, { headers: { 'x-total-count': String(total) } })
}
