/**
 * Blocks of records, each of which has a part of its own in the indexes by what is random: by query id and by hashes of actors. In a
 * single index over a large log nearly each value would have a page of its own written. A search looks into every block.
 */
import { sql } from 'kysely'

export const BLOCK_RECORDS = 32_768

/** The block of a row of `search`: the indexes hold this very expression. */
export const BLOCK = sql<number>`(idx / ${sql.lit(BLOCK_RECORDS)})`

/** The block in which a record is. */
export function blockOf(idx: number): number {
  return Math.floor(idx / BLOCK_RECORDS)
}
