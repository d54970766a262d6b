/**
 * Marks a database into which a backup is being restored, from before its first table until the rows are in
 * it. So a restore that was broken off can be run again, and nothing else begins to use what is left of it.
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

/**
 * `notes` are what each attempt decided before it wrote anything, in texts of its own. Attempts of earlier
 * versions left none.
 */
type Mark = { backup: string; notes: readonly string[] }

/**
 * `backup` is the SHA-256 of the file: what it left is completed by no other one. A mark that is there is
 * replaced.
 */
export async function markRestore(kysely: Kysely<unknown>, { backup, notes }: Mark): Promise<void> {
  await inTransaction(kysely, async (transaction) => {
    await sql`drop table if exists ${sql.table(MARK)}`.execute(transaction)
    await sql`create table ${sql.table(MARK)} (backup text not null, note text not null)`.execute(transaction)
    for (const note of notes)
      await sql`insert into ${sql.table(MARK)} values (${backup}, ${note})`.execute(transaction)
  })
}

/** The mark of a restore that was broken off. */
export async function markOfRestore(kysely: Kysely<unknown>): Promise<Partial<Mark> & Pick<Mark, 'notes'>> {
  const { rows } = await sql<{ backup: string; note?: string }>`select * from ${sql.table(MARK)}`.execute(
    kysely,
  )
  return { ...rows[0], notes: rows.flatMap(({ note }) => note ?? []) }
}

/** Within the transaction that loads the rows. */
export async function endRestore(transaction: Kysely<unknown>): Promise<void> {
  await sql`drop table ${sql.table(MARK)}`.execute(transaction)
}
