/**
 * Marks a database into which a backup is being restored, from before its first table until the rows are in it. So a restore that was
 * broken off can be run again, and nothing else begins to use what is left of it.
 */
import { type Kysely, sql } from 'kysely'
import { tablesIn } from './dialect-dump.ts'

const MARK = 'restore_under_way'

/** `empty`, `broken off` by an earlier restore, or `used`. */
export async function stateForRestore(kysely: Kysely<unknown>): Promise<'empty' | 'broken off' | 'used'> {
  const tables = await tablesIn(kysely)
  if (tables.some(({ name }) => name === MARK)) return 'broken off'
  return tables.length === 0 ? 'empty' : 'used'
}

export async function markRestore(kysely: Kysely<unknown>): Promise<void> {
  await sql`create table ${sql.table(MARK)} (since text)`.execute(kysely)
}

/** Within the transaction that loads the rows. */
export async function endRestore(transaction: Kysely<unknown>): Promise<void> {
  await sql`drop table ${sql.table(MARK)}`.execute(transaction)
}
