/**
 * The keys with which each month of the index by person was made. The keys of a search are compared with
 * them.
 */
import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from '#platform/database/dialect.ts'

export const subjectMonths: Migration = {
  up: async (kysely: Kysely<unknown>) => {
    const { text, integer } = columnTypes(kysely)
    await kysely.schema
      .createTable('subject_month')
      .addColumn('month', text, (column) => column.notNull())
      .addColumn('key_id', text, (column) => column.notNull())
      .addColumn('records', integer, (column) => column.notNull())
      .addColumn('forgotten', integer, (column) => column.notNull())
      .addPrimaryKeyConstraint('subject_month_key', ['month', 'key_id'])
      .execute()
    await sql`insert into subject_month (month, key_id, records, forgotten)
      select substr(day, 1, 7), '', sum(records), 0 from subject_count where reason = 'indexed'
      group by substr(day, 1, 7)`.execute(kysely)
  },
}
