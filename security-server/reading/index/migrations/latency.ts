/**
 * Adds hourly counts of how long answers took. Records that are indexed already are not counted: their times
 * are days old.
 */
import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes, dialectOf } from '#platform/database/dialect.ts'

export const latency: Migration = {
  up: async (kysely: Kysely<unknown>) => {
    const { text, integer, blob } = columnTypes(kysely)
    const table = kysely.schema
      .createTable('latency')
      .addColumn('hour', text, (column) => column.notNull())
      .addColumn('key', blob, (column) => column.notNull())
      .addColumn('direction', text, (column) => column.notNull())
      .addColumn('client', text, (column) => column.notNull())
      .addColumn('service', text, (column) => column.notNull())
      .addColumn('secrecy', integer, (column) => column.notNull())
      .addColumn('counts', text, (column) => column.notNull())
      .addPrimaryKeyConstraint('latency_pk', ['hour', 'key'])
    // As `traffic`: read in ranges of the primary key.
    await (dialectOf(kysely) === 'sqlite' ? table.modifyEnd(sql`without rowid`) : table).execute()
  },
}
