/**
 * Lists the records of a user or represented party, newest first. It goes block by block, since each block
 * has its own hashes.
 */
import type { ExpressionBuilder, Kysely } from 'kysely'
import { BLOCK, BLOCK_RECORDS, blockOf } from './block-store.ts'
import type { HashedFilter, SearchRow } from './search-filter.ts'
import type { IndexTables } from './tables.ts'
import { isNarrowed } from './traffic-store.ts'

/** With more records of one actor than this, the search uses the hourly counts instead. */
const MANY = 10_000

type Conditions = (is: ExpressionBuilder<IndexTables, 'search'>) => ReturnType<typeof isOfActors>

/**
 * Undefined when the actor has more than MANY records and the search has other conditions: the caller then
 * lists by those.
 */
export async function listOfActors(q: {
  kysely: Kysely<IndexTables>
  isPartitioned: boolean
  filter: HashedFilter & { before?: number }
  limit: number
  size: number
  /** The other conditions of the search. */
  rest: Conditions
}): Promise<SearchRow[] | undefined> {
  const { filter, limit, size } = q
  const of = (block: number) => {
    const [first, end] = [block * BLOCK_RECORDS, (block + 1) * BLOCK_RECORDS]
    const query = q.kysely
      .selectFrom('search')
      .where(BLOCK, '=', block)
      .where((is) => isOfActors(is, filter, first, end - 1))
    return q.isPartitioned ? query.where('idx', '>=', first).where('idx', '<', end) : query
  }
  if (isNarrowed(filter) || filter.from !== undefined || filter.to !== undefined) {
    let records = 0
    for (let block = blockOf(size); block >= 0; block--) {
      const count = of(block).select(({ fn }) => fn.countAll().as('records'))
      records += Number((await count.executeTakeFirstOrThrow()).records)
      if (records > MANY) return undefined
    }
  }
  const rows: SearchRow[] = []
  const newest = blockOf(Math.max(0, Math.min(filter.before ?? size, size) - 1))
  for (let block = newest; block >= 0 && rows.length < limit; block--) {
    let query = of(block).selectAll().where(q.rest)
    if (filter.before !== undefined) query = query.where('idx', '<', filter.before)
    const found = query.orderBy('idx', 'desc').limit(limit - rows.length)
    rows.push(...(await found.execute()))
  }
  return rows
}

/** Compares with the actors' hashes of all blocks from record `first` to record `last`. */
export function isOfActors(
  is: ExpressionBuilder<IndexTables, 'search'>,
  { actors = [] }: HashedFilter,
  first: number,
  last: number,
) {
  const from = blockOf(first)
  const blocks = Array.from({ length: blockOf(last) - from + 1 }, (_, at) => from + at)
  return is.and(actors.map(({ column, of }) => is(column, 'in', blocks.flatMap(of))))
}
