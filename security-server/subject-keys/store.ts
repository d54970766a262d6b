/** Rows of the key holder: wrapped keys by month, what was evaluated for which record, how many searches there were. */
import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import { auditLogMigrations } from '#platform/audit-log/store.ts'
import { columnTypes, lockFor } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'

export type MonthRow = {
  month: string
  /** Of the wrapping key; null with `sealed` when the key was destroyed. */
  wrapping: string | null
  sealed: Buffer | null
  created_at: string
  destroyed_at: string | null
}
export type EvaluatedRow = { idx: number; digest: Buffer }
/** Of one UTC day: of a person, of a case, or of all (''). */
type CountRow = { day: string; scope: 'person' | 'case' | 'all'; who: string; searches: number }

type Tables = {
  month_key: MonthRow
  evaluated_subject: EvaluatedRow
  search_count: CountRow
  holder_mark: { name: string; value: number }
}

export const holderMigrations: Record<string, Migration> = {
  ...auditLogMigrations,
  'subject-keys-001': {
    async up(kysely) {
      const { text, integer, blob } = columnTypes(kysely)
      const { schema } = kysely
      await schema
        .createTable('month_key')
        .addColumn('month', text, (column) => column.primaryKey())
        .addColumn('wrapping', text)
        .addColumn('sealed', blob)
        .addColumn('created_at', text, (column) => column.notNull())
        .addColumn('destroyed_at', text)
        .execute()
      await schema
        .createTable('evaluated')
        .addColumn('idx', integer, (column) => column.primaryKey())
        .addColumn('digest', blob, (column) => column.notNull())
        .execute()
      await schema
        .createTable('search_count')
        .addColumn('day', text, (column) => column.notNull())
        .addColumn('scope', text, (column) => column.notNull())
        .addColumn('who', text, (column) => column.notNull())
        .addColumn('searches', integer, (column) => column.notNull())
        .addPrimaryKeyConstraint('search_count_key', ['day', 'scope', 'who'])
        .execute()
      await schema
        .createTable('holder_mark')
        .addColumn('name', text, (column) => column.primaryKey())
        .addColumn('value', integer, (column) => column.notNull())
        .execute()
    },
  },
  'subject-keys-002': {
    async up(kysely) {
      const { integer, blob } = columnTypes(kysely)
      const { schema } = kysely
      await schema.dropTable('evaluated').execute()
      // A row for each identifier of a record that was evaluated.
      await schema
        .createTable('evaluated_subject')
        .addColumn('idx', integer, (column) => column.notNull())
        .addColumn('digest', blob, (column) => column.notNull())
        .addPrimaryKeyConstraint('evaluated_subject_key', ['idx', 'digest'])
        .execute()
    },
  },
}

export type HolderStore = Awaited<ReturnType<typeof openHolderStore>>

const MARK = 'evaluated'
const MANY = 400

export async function openHolderStore(database: Database) {
  // A destroyed key must not lie on in a free page.
  if (database.dialect === 'sqlite') await sql`pragma secure_delete = on`.execute(database.kysely)
  const tables = tablesOf<Tables>(database)
  return {
    months: (): Promise<MonthRow[]> => tables.selectFrom('month_key').selectAll().orderBy('month').execute(),
    /** False, and what is there stays, when another process was first. */
    addMonth: async (row: MonthRow): Promise<boolean> => {
      const insert = tables.insertInto('month_key').values(row)
      const added = await insert
        .onConflict((conflict) => conflict.column('month').doNothing())
        .executeTakeFirst()
      return added.numInsertedOrUpdatedRows === 1n
    },
    /** Writes all keys anew and lets go of those of `gone`, together. */
    rewrap: (rows: { month: string; wrapping: string; sealed: Buffer }[], gone: string[], at: string) =>
      inTransaction(tables, async (transaction) => {
        for (const { month, ...sealed } of rows)
          await transaction.updateTable('month_key').set(sealed).where('month', '=', month).execute()
        for (const month of gone)
          await transaction
            .updateTable('month_key')
            .set({ wrapping: null, sealed: null, destroyed_at: at })
            .where('month', '=', month)
            .execute()
      }),
    /** No copy of a changed page stays in the embedded store's write-ahead log. */
    scrub: async (): Promise<void> => {
      if (database.dialect === 'sqlite') await sql`pragma wal_checkpoint(TRUNCATE)`.execute(database.kysely)
    },

    /** Up to which record index something was evaluated, the last not included. */
    mark: async (): Promise<number> => {
      const row = await tables
        .selectFrom('holder_mark')
        .select('value')
        .where('name', '=', MARK)
        .executeTakeFirst()
      return Number(row?.value ?? 0)
    },
    /** Digests of what was evaluated, hexadecimal. */
    evaluated: async (indexes: number[]): Promise<Map<number, Set<string>>> => {
      const found = new Map<number, Set<string>>()
      for (let at = 0; at < indexes.length; at += MANY) {
        const some = indexes.slice(at, at + MANY)
        const rows = await tables
          .selectFrom('evaluated_subject')
          .selectAll()
          .where('idx', 'in', some)
          .execute()
        for (const { idx, digest } of rows) {
          const known = found.get(Number(idx)) ?? new Set()
          found.set(Number(idx), known.add(Buffer.from(digest).toString('hex')))
        }
      }
      return found
    },
    /** Notes what was evaluated, and forgets what lies more than `kept` indexes back. */
    noteEvaluated: (rows: EvaluatedRow[], mark: number, kept: number): Promise<void> =>
      inTransaction(tables, async (transaction) => {
        for (let at = 0; at < rows.length; at += MANY)
          await transaction
            .insertInto('evaluated_subject')
            .values(rows.slice(at, at + MANY))
            .execute()
        await transaction
          .insertInto('holder_mark')
          .values({ name: MARK, value: mark })
          .onConflict((conflict) => conflict.column('name').doUpdateSet({ value: mark }))
          .execute()
        await transaction
          .deleteFrom('evaluated_subject')
          .where('idx', '<', mark - kept)
          .execute()
      }),

    /** Counts one search of each of these, or none: gives the scope whose limit is used up. */
    countSearch: (
      day: string,
      counts: { scope: CountRow['scope']; who: string; most: number }[],
    ): Promise<CountRow['scope'] | undefined> =>
      inTransaction(tables, async (transaction) => {
        await lockFor(transaction, 'subject searches')
        await transaction.deleteFrom('search_count').where('day', '<', day).execute()
        for (const { scope, who, most } of counts) {
          const row = await transaction
            .selectFrom('search_count')
            .select('searches')
            .where('day', '=', day)
            .where('scope', '=', scope)
            .where('who', '=', who)
            .executeTakeFirst()
          if (Number(row?.searches ?? 0) >= most) return scope
        }
        for (const { scope, who } of counts)
          await transaction
            .insertInto('search_count')
            .values({ day, scope, who, searches: 1 })
            .onConflict((conflict) =>
              conflict
                .columns(['day', 'scope', 'who'])
                .doUpdateSet((old) => ({ searches: old('search_count.searches', '+', 1) })),
            )
            .execute()
        return undefined
      }),
  }
}
