/**
 * Divides the records into blocks. Indexes by random values (query ids, hashes of actors) start with the
 * block, so new entries of a large log go to few pages. In a single index nearly each new value would write
 * to another page. The price: a search looks into every block.
 */
import { sql } from 'kysely'

export const BLOCK_RECORDS = 32_768

/** The block of a row of `search`, as the indexes are defined: a query must use this same expression. */
export const BLOCK = sql<number>`(idx / ${sql.lit(BLOCK_RECORDS)})`

export function blockOf(idx: number): number {
  return Math.floor(idx / BLOCK_RECORDS)
}
