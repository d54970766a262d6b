/**
 * Tables of the daily counts that the log commits to. In an older log counting begins at the index's
 * position, because earlier records were not counted.
 */
import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes, dialectOf } from '#platform/database/dialect.ts'
import { DIMENSIONS } from '../daily-counts/dimensions.ts'
import { COUNTS_FIRST } from '../daily-counts/store.ts'

export const dailyCounts: Migration = {
  up: async (kysely: Kysely<unknown>) => {
    const { text, integer, blob } = columnTypes(kysely)
    const key = dialectOf(kysely) === 'sqlite' ? 'integer' : 'bigint'
    await DIMENSIONS.reduce(
      (made, name) => made.addColumn(name, text, (column) => column.notNull()),
      kysely.schema.createTable('count_since').addColumn('key', blob, (column) => column.primaryKey()),
    )
      .addColumn('secrecy', integer, (column) => column.notNull())
      .addColumn('records', integer, (column) => column.notNull())
      .addColumn('from_time', text, (column) => column.notNull())
      .addColumn('to_time', text, (column) => column.notNull())
      .execute()
    await kysely.schema
      .createTable('daily_count')
      .addColumn('idx', key, (column) => column.primaryKey())
      .addColumn('first_idx', integer, (column) => column.notNull())
      .addColumn('last_idx', integer, (column) => column.notNull())
      .addColumn('from_time', text, (column) => column.notNull())
      .addColumn('to_time', text, (column) => column.notNull())
      .addColumn('figures', text, (column) => column.notNull())
      .addColumn('octets', integer, (column) => column.notNull())
      .addColumn('document', text, (column) => column.notNull())
      .addColumn('rows', text, (column) => column.notNull())
      .execute()
    await sql`insert into mark (name, value) select ${sql.lit(COUNTS_FIRST)},
      coalesce((select value from mark where name = 'search'), 0)`.execute(kysely)
  },
}
