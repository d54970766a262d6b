/**
 * The records of operational data. A row holds what one run of the job wrote, a record a line: that costs a
 * hundredth of a row for each record, and questions go by time alone.
 */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from '#platform/database/dialect.ts'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { Whole } from '#schemas/sent-values.ts'

type Tables = {
  operational_data: {
    id: string
    /**
     * Seconds since 1970 when they were written: a question goes by it, and it is later than their exchanges.
     */
    written_at: Whole
    /** 1: of exchanges under a secret contract. */
    secret: Whole
    records: Whole
    content: string
  }
}

/** What is written as one row. */
export type RecordRow = { id: string; secret: boolean; lines: string[] }

/** Records of one time, as lines without the time. */
export type Written = { at: number; secret: boolean; lines: string[] }

const ROWS_AT_ONCE = 50
const FORGOTTEN_AT_ONCE = 300

export const monitoringMigrations: Record<string, Migration> = {
  'security-server-monitoring-001': {
    async up(kysely: Kysely<unknown>) {
      const { text, integer } = columnTypes(kysely)
      await kysely.schema
        .createTable('operational_data')
        .addColumn('id', text, (column) => column.primaryKey())
        .addColumn('written_at', integer, (column) => column.notNull())
        .addColumn('secret', integer, (column) => column.notNull())
        .addColumn('records', integer, (column) => column.notNull())
        .addColumn('content', text, (column) => column.notNull())
        .execute()
      await kysely.schema
        .createIndex('operational_data_time')
        .on('operational_data')
        .columns(['written_at', 'id'])
        .execute()
    },
  },
}

export type OperationalStore = ReturnType<typeof createOperationalStore>

export function createOperationalStore(database: Database) {
  const tables = tablesOf<Tables>(database)
  return {
    /** All of them or none; one that is there already stays as it is. */
    async add(at: number, rows: RecordRow[]): Promise<void> {
      const values = rows.map(({ id, secret, lines }) => ({
        ...{ id, written_at: at, secret: secret ? 1 : 0, records: lines.length, content: lines.join('\n') },
      }))
      const insert = tables.insertInto('operational_data').values(values)
      await insert.onConflict((conflict) => conflict.column('id').doNothing()).execute()
    },

    /** From one second to another, both included, oldest first; read a few rows at a time. */
    async *between(from: number, to: number): AsyncGenerator<Written> {
      let after = { written_at: from, id: '' }
      for (;;) {
        const { written_at: time, id } = after
        // Two queries in place of one with `or`, so that both stores go on at the key of the index.
        const query = tables.selectFrom('operational_data').selectAll().limit(ROWS_AT_ONCE)
        const same = await query.where('written_at', '=', time).where('id', '>', id).orderBy('id').execute()
        const rows = [...same]
        if (rows.length < ROWS_AT_ONCE)
          rows.push(
            ...(await query
              .where('written_at', '>', time)
              .where('written_at', '<=', to)
              .orderBy('written_at')
              .orderBy('id')
              .execute()),
          )
        for (const { written_at, secret, content } of rows)
          yield { at: Number(written_at), secret: Number(secret) === 1, lines: content.split('\n') }
        const last = rows.at(-1)
        if (last === undefined || (rows.length < ROWS_AT_ONCE && same.length < ROWS_AT_ONCE)) return
        after = { written_at: Number(last.written_at), id: last.id }
      }
    },

    /**
     * A few rows at a time: one deletion of a whole day would hold up everything else that the server writes.
     */
    async forgetBefore(time: number): Promise<void> {
      for (;;) {
        const query = tables.selectFrom('operational_data').select('id').where('written_at', '<', time)
        const old = await query.orderBy('written_at').orderBy('id').limit(FORGOTTEN_AT_ONCE).execute()
        const ids = old.map(({ id }) => id)
        if (ids.length > 0) await tables.deleteFrom('operational_data').where('id', 'in', ids).execute()
        if (ids.length < FORGOTTEN_AT_ONCE) return
      }
    },

    /** What is kept. */
    async state(): Promise<{ records: number; oldest: number | undefined }> {
      const { records, oldest } = await tables
        .selectFrom('operational_data')
        .select(({ fn }) => [
          fn.sum<number | null>('records').as('records'),
          fn.min<number | null>('written_at').as('oldest'),
        ])
        .executeTakeFirstOrThrow()
      return { records: Number(records ?? 0), oldest: oldest === null ? undefined : Number(oldest) }
    },
  }
}
