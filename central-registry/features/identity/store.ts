/** Rows of the histories of DIDs: a new entry and the state that it makes are one transaction. */
import type { Kysely } from 'kysely'
import { lockFor } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import type { DidSubjectRow } from '../../register/identity-tables.ts'
import type { RegisterTables } from '../../register/tables.ts'
import { againPath } from './documents.ts'

export type IdentityStore = ReturnType<typeof createIdentityStore>
export type NewEntry = { subject: DidSubjectRow; line: string; sha256: string; at: string }

const MOST_LINES = 5000

export function createIdentityStore(database: Database) {
  const tables = tablesOf<RegisterTables>(database)

  const subject = (path: string): Promise<DidSubjectRow | undefined> =>
    tables.selectFrom('did_subject').selectAll().where('path', '=', path).executeTakeFirst()

  return {
    subjects: (): Promise<DidSubjectRow[]> => tables.selectFrom('did_subject').selectAll().execute(),
    subject,
    /** The newest history at `path` or, since the same id may be registered again, at `path` with a number behind it. */
    newestOf: async (path: string): Promise<DidSubjectRow | undefined> => {
      let newest = await subject(path)
      for (let times = 2; newest?.ended_at != null; times++) {
        const next = await subject(againPath(path, times))
        if (next === undefined) break
        newest = next
      }
      return newest
    },
    lines: async (path: string): Promise<string[]> => {
      const rows = await tables
        .selectFrom('did_entry')
        .select('line')
        .where('path', '=', path)
        .orderBy('number')
        .limit(MOST_LINES)
        .execute()
      return rows.map(({ line }) => line)
    },
    entries: (path: string) =>
      tables
        .selectFrom('did_entry')
        .select(['id', 'version_id', 'sha256', 'at'])
        .where('path', '=', path)
        .orderBy('number')
        .limit(MOST_LINES)
        .execute(),
    /** Adds entries unless another node has gone on with their histories meanwhile. */
    add: (entries: NewEntry[], before: ReadonlyMap<string, number>): Promise<void> =>
      inTransaction(tables, async (transaction) => {
        await lockFor(transaction, 'identities')
        for (const entry of entries)
          if (await isStill(transaction, entry.subject.path, before.get(entry.subject.path) ?? 0))
            await addEntry(transaction, entry)
      }),
  }
}

async function isStill(transaction: Kysely<RegisterTables>, path: string, entries: number): Promise<boolean> {
  const row = await transaction
    .selectFrom('did_subject')
    .select('entries')
    .where('path', '=', path)
    .executeTakeFirst()
  return Number(row?.entries ?? 0) === entries
}

async function addEntry(
  transaction: Kysely<RegisterTables>,
  { subject, line, sha256, at }: NewEntry,
): Promise<void> {
  const { path, entries: number, version_id } = subject
  await transaction.insertInto('did_entry').values({ path, number, version_id, line, sha256, at }).execute()
  if (number === 1) await transaction.insertInto('did_subject').values(subject).execute()
  else await transaction.updateTable('did_subject').set(subject).where('path', '=', path).execute()
}
