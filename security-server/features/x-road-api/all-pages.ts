/** X-Road's lists have no pages; ours do. */
import { Fault } from '#schemas/fault.ts'
import type { Asked, OwnInput } from './entry.ts'

const MOST_ROWS = 500
/** Several times the largest list of an instance that is known. */
const MOST = 20_000

/**
 * All rows of one of our lists. Throws `invalid_input` for more than are answered at once: a list without its
 * end would look whole.
 */
export async function allPages<T>(
  asked: Pick<Asked, 'call'>,
  operation: string,
  input: OwnInput = {},
  limit = MOST_ROWS,
): Promise<T[]> {
  const rows: T[] = []
  for (let offset = 0; offset <= MOST; offset += limit) {
    const query = { ...input.query, offset, limit }
    const page = await asked.call<T[]>(operation, { ...input, query })
    rows.push(...page)
    if (page.length < limit) return rows
  }
  throw new Fault('invalid_input', {
    what: `this list has more than ${MOST} rows: ${operation} of the management API of this server has it by page`,
  })
}
