/**
 * Marks a database into which a backup is being restored, from before its first table until the rows are in it. So a restore that was
 * broken off can be run again, and nothing else begins to use what is left of it.
 */
import { type Kysely, sql } from 'kysely'
import { tablesIn } from './dialect-dump.ts'
import { inTransaction } from './open-database.ts'

const MARK = 'restore_under_way'

/** `empty`, `broken off` by an earlier restore, or `used`. */
export async function stateForRestore(kysely: Kysely<unknown>): Promise<'empty' | 'broken off' | 'used'> {
  const tables = await tablesIn(kysely)
  if (tables.some(({ name }) => name === MARK)) return 'broken off'
  return tables.length === 0 ? 'empty' : 'used'
}

/** `backup` is the SHA-256 of the file: what it left is completed by no other one. */
export async function markRestore(kysely: Kysely<unknown>, backup: string): Promise<void> {
  await inTransaction(kysely, async (transaction) => {
    await sql`create table ${sql.table(MARK)} (backup text not null)`.execute(transaction)
    await sql`insert into ${sql.table(MARK)} values (${backup})`.execute(transaction)
  })
}

/** Which backup a broken-off restore was of. */
export async function markedBackup(kysely: Kysely<unknown>): Promise<string | undefined> {
  const { rows } = await sql<{ backup: string }>`select backup from ${sql.table(MARK)}`.execute(kysely)
  return rows[0]?.backup
}

/** Within the transaction that loads the rows. */
export async function endRestore(transaction: Kysely<unknown>): Promise<void> {
  await sql`drop table ${sql.table(MARK)}`.execute(transaction)
}
