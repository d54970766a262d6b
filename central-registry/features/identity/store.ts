/** Rows of the histories of DIDs: a new entry and the state that it makes are one transaction. */
import { type Kysely, sql } from 'kysely'
import { lockFor } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import type { DidSubjectRow } from '../../register/identity-tables.ts'
import type { RegisterTables } from '../../register/tables.ts'

export type IdentityStore = ReturnType<typeof createIdentityStore>
export type NewEntry = { subject: DidSubjectRow; line: string; sha256: string; at: string }

/** Rows of a page: what one question holds in memory. */
const LINES = 50
export const PROOFS = 500

export function createIdentityStore(database: Database) {
  const tables = tablesOf<RegisterTables>(database)

  const subject = (path: string): Promise<DidSubjectRow | undefined> =>
    tables.selectFrom('did_subject').selectAll().where('path', '=', path).executeTakeFirst()

  return {
    subjects: (): Promise<DidSubjectRow[]> => tables.selectFrom('did_subject').selectAll().execute(),
    subject,
    /**
     * The newest history at `path` or, since the same id may be registered again, at `path` with a number
     * behind it.
     */
    newestOf: async (path: string): Promise<DidSubjectRow | undefined> => {
      const first = await subject(path)
      if (first?.ended_at == null) return first
      return (
        tables
          .selectFrom('did_subject')
          .selectAll()
          .where('kind', '=', first.kind)
          .where('subject', '=', first.subject)
          // The number behind the path is the higher the longer it is.
          .orderBy(sql`length(path)`, 'desc')
          .orderBy('path', 'desc')
          .limit(1)
          .executeTakeFirst()
      )
    },
    newestLine: async (path: string): Promise<string | undefined> =>
      (
        await tables
          .selectFrom('did_entry')
          .select('line')
          .where('path', '=', path)
          .orderBy('number', 'desc')
          .limit(1)
          .executeTakeFirst()
      )?.line,
    /** All lines, oldest first. No more than a page of them is in memory. */
    async *lines(path: string): AsyncGenerator<string> {
      for (let after = 0; ; ) {
        const rows = await tables
          .selectFrom('did_entry')
          .select(['number', 'line'])
          .where('path', '=', path)
          .where('number', '>', after)
          .orderBy('number')
          .limit(LINES)
          .execute()
        for (const { line } of rows) yield line
        if (rows.length < LINES) return
        after = Number(rows.at(-1)!.number)
      }
    },
    /**
     * Entries from `number` on, as many as PROOFS and one, with where the transparency log has them; null
     * before it does.
     */
    proofs: (path: string, number: number) =>
      tables
        .selectFrom('did_entry')
        .leftJoin('log_entry', (join) =>
          join.onRef('log_entry.reference', '=', 'did_entry.id').on('log_entry.kind', '=', 'identity'),
        )
        .select(['number', 'version_id', 'sha256', 'log_entry.position'])
        .where('path', '=', path)
        .where('number', '>=', number)
        .orderBy('number')
        .limit(PROOFS + 1)
        .execute(),
    /**
     * How many histories go on, how many of them by this key, and how many are of before `time`, in
     * milliseconds.
     */
    goingOnBy: async (
      key: number,
      time: number,
    ): Promise<{ all: number; byThis: number; before: number }> => {
      // Times of entries have no fractions of a second.
      const from = new Date(Math.ceil(time / 1000) * 1000).toISOString().replace('.000', '')
      const row = await tables
        .selectFrom('did_subject')
        .select(({ fn, val, eb }) => [
          fn.countAll<number>().as('all'),
          fn
            .sum<number | null>(eb.case().when('next_key', '=', key).then(val(1)).else(val(0)).end())
            .as('own'),
          fn
            .sum<number | null>(eb.case().when('version_time', '<', from).then(val(1)).else(val(0)).end())
            .as('before'),
        ])
        .where('ended_at', 'is', null)
        .executeTakeFirstOrThrow()
      return { all: Number(row.all), byThis: Number(row.own ?? 0), before: Number(row.before ?? 0) }
    },
    /** The keys by which histories go on. */
    keysInUse: async (): Promise<number[]> => {
      const rows = await tables
        .selectFrom('did_subject')
        .select('next_key')
        .distinct()
        .where('ended_at', 'is', null)
        .execute()
      return rows.map(({ next_key }) => Number(next_key))
    },
    /** Nothing follows in these histories, and they are not deactivated: entries of theirs may be lost. */
    leave: async (paths: string[], at: string): Promise<void> => {
      for (const path of paths)
        await tables
          .updateTable('did_subject')
          .set({ ended_at: at })
          .where('path', '=', path)
          .where('ended_at', 'is', null)
          .execute()
    },
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
