/**
 * The index by query id is one for each block of records: query ids are random, so that in a single index over a large
 * log nearly each of them would have a page of its own written. A search by query id looks into every block.
 */
import { sql } from 'kysely'

const RECORDS = 32_768
/** Blocks that one query asks for: always so many, present or not, so that its text is always the same. */
const AT_ONCE = 64

/** The block of a row of `search`: the index holds this very expression. */
export const BLOCK = sql<number>`(idx / ${sql.lit(RECORDS)})`

/** The blocks of the records below `size`, so many at a time, oldest first. */
export function blocksOf(size: number): number[][] {
  const queries = Math.ceil(size / (RECORDS * AT_ONCE))
  return Array.from({ length: queries }, (_, query) =>
    Array.from({ length: AT_ONCE }, (_, i) => query * AT_ONCE + i),
  )
}
