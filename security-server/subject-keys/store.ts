/**
 * The rows of the key holder: wrapped keys by month, and counts of searches. Also the migrations of all its
 * tables.
 */
import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import { auditLogMigrations } from '#platform/audit-log/store.ts'
import { columnTypes, lockFor } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import type { Time, Whole } from '#schemas/sent-values.ts'

export type MonthRow = {
  month: string
  /** The id of the wrapping key. Null, together with `sealed`, when the key was destroyed. */
  wrapping: string | null
  sealed: Buffer | null
  created_at: Time
  destroyed_at: Time | null
}
/**
 * The searches of one UTC day: of a person, of a case, or of all (`who` is ''). Scope `refused` counts the
 * refused ones.
 */
type CountRow = { day: string; scope: Scope | 'refused'; who: string; searches: Whole }
type Scope = 'person' | 'case' | 'all'

type Tables = {
  month_key: MonthRow
  search_count: CountRow
  holder_mark: { name: string; value: Whole }
}

/** The value of this mark is a time in milliseconds. */
const HEARD = 'heard time'

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
      // One row for each evaluated identifier of a record.
      await schema
        .createTable('evaluated_subject')
        .addColumn('idx', integer, (column) => column.notNull())
        .addColumn('digest', blob, (column) => column.notNull())
        .addPrimaryKeyConstraint('evaluated_subject_key', ['idx', 'digest'])
        .execute()
    },
  },
  'subject-keys-003': {
    async up(kysely) {
      const { text, integer } = columnTypes(kysely)
      const { schema } = kysely
      let day = schema.createTable('evaluation_day').addColumn('day', text, (column) => column.primaryKey())
      for (const name of ['identifiers', 'indexes', 'refused'])
        day = day.addColumn(name, integer, (column) => column.notNull())
      await day
        .addColumn('first_idx', integer)
        .addColumn('last_idx', integer)
        .addColumn('first_month', text)
        .addColumn('last_month', text)
        .execute()
    },
  },
  'subject-keys-004': {
    async up(kysely) {
      const { integer } = columnTypes(kysely)
      const table = kysely.schema.alterTable('evaluation_day')
      await table.addColumn('used_up', integer, (column) => column.notNull().defaultTo(0)).execute()
    },
  },
  'subject-keys-005': {
    async up(kysely) {
      const { text, integer } = columnTypes(kysely)
      await kysely.schema
        .createTable('look_up_count')
        .addColumn('day', text, (column) => column.notNull())
        .addColumn('client', text, (column) => column.notNull())
        .addColumn('look_ups', integer, (column) => column.notNull())
        .addColumn('refused', integer, (column) => column.notNull())
        .addPrimaryKeyConstraint('look_up_count_key', ['day', 'client'])
        .execute()
    },
  },
}

export type HolderStore = Awaited<ReturnType<typeof openHolderStore>>

export async function openHolderStore(database: Database) {
  // A destroyed key must not remain in a free page.
  if (database.dialect === 'sqlite') await sql`pragma secure_delete = on`.execute(database.kysely)
  const tables = tablesOf<Tables>(database)
  return {
    months: (): Promise<MonthRow[]> => tables.selectFrom('month_key').selectAll().orderBy('month').execute(),
    /** Adds the row. Returns false, and changes nothing, when the month has a row already. */
    addMonth: async (row: MonthRow): Promise<boolean> => {
      const insert = tables.insertInto('month_key').values(row)
      const added = await insert
        .onConflict((conflict) => conflict.column('month').doNothing())
        .executeTakeFirst()
      return added.numInsertedOrUpdatedRows === 1n
    },
    /** Stores all keys rewrapped and deletes those of the months `gone`, in one transaction. */
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
    /** 0 when none is stored. */
    heardTime: async (): Promise<number> => {
      const rows = tables.selectFrom('holder_mark').select('value').where('name', '=', HEARD)
      return Number((await rows.executeTakeFirst())?.value ?? 0)
    },
    /** Never lowers it: another process may have come further. */
    raiseHeardTime: (time: number) =>
      tables
        .insertInto('holder_mark')
        .values({ name: HEARD, value: time })
        .onConflict((conflict) =>
          conflict.column('name').doUpdateSet({ value: time }).where('holder_mark.value', '<', time),
        )
        .execute(),
    /** Empties the embedded store's write-ahead log, so that no copy of a changed page remains in it. */
    scrub: async (): Promise<void> => {
      if (database.dialect === 'sqlite') await sql`pragma wal_checkpoint(TRUNCATE)`.execute(database.kysely)
    },

    /**
     * Counts one search for each of these. When the limit of one is used up it counts one refusal instead,
     * and returns that scope and the day's refusals so far.
     */
    countSearch: (
      day: string,
      counts: { scope: Scope; who: string; most: number }[],
    ): Promise<{ usedUp: Scope; refusals: number } | undefined> =>
      inTransaction(tables, async (transaction) => {
        await lockFor(transaction, 'subject searches')
        const past = transaction.deleteFrom('search_count').where('day', '<', day)
        await past.where('scope', '<>', 'refused').execute()
        const count = ({ scope, who }: Pick<CountRow, 'scope' | 'who'>) =>
          transaction
            .insertInto('search_count')
            .values({ day, scope, who, searches: 1 })
            .onConflict((conflict) =>
              conflict
                .columns(['day', 'scope', 'who'])
                .doUpdateSet((old) => ({ searches: old('search_count.searches', '+', 1) })),
            )
            .returning('searches')
            .executeTakeFirstOrThrow()
        for (const { scope, who, most } of counts) {
          const row = await transaction
            .selectFrom('search_count')
            .select('searches')
            .where('day', '=', day)
            .where('scope', '=', scope)
            .where('who', '=', who)
            .executeTakeFirst()
          if (Number(row?.searches ?? 0) < most) continue
          const { searches } = await count({ scope: 'refused', who: '' })
          return { usedUp: scope, refusals: Number(searches) }
        }
        for (const one of counts) await count(one)
        return undefined
      }),

    refusalsBefore: async (day: string): Promise<{ day: string; refused: number }[]> => {
      const rows = await tables
        .selectFrom('search_count')
        .select(['day', 'searches'])
        .where('scope', '=', 'refused')
        .where('day', '<', day)
        .orderBy('day')
        .execute()
      return rows.map((row) => ({ day: row.day, refused: Number(row.searches) }))
    },
    forgetRefusals: async (day: string): Promise<void> => {
      await tables.deleteFrom('search_count').where('day', '=', day).where('scope', '=', 'refused').execute()
    },
  }
}
