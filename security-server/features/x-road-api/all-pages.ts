/** X-Road's lists have no pages; ours do. */
import type { Asked, OwnInput } from './entry.ts'

const MOST_ROWS = 500
/** The largest list of an instance that is answered at once. */
const MOST = 100_000

/** All rows of one of our lists. */
export async function allPages<T>(
  asked: Asked,
  operation: string,
  input: OwnInput = {},
  limit = MOST_ROWS,
): Promise<T[]> {
  const rows: T[] = []
  for (let offset = 0; offset < MOST; offset += limit) {
    const query = { ...input.query, offset, limit }
    const page = await asked.call<T[]>(operation, { ...input, query })
    rows.push(...page)
    if (page.length < limit) break
  }
  return rows
}
