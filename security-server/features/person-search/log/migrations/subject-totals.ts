/**
 * Counts of the index by person by month and reason, and an index of the days on which records were not
 * covered.
 */
import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from '#platform/database/dialect.ts'

export const subjectTotals: Migration = {
  up: async (kysely: Kysely<unknown>) => {
    const { text, integer } = columnTypes(kysely)
    await kysely.schema
      .createTable('subject_total')
      .addColumn('month', text, (column) => column.notNull())
      .addColumn('reason', text, (column) => column.notNull())
      .addColumn('records', integer, (column) => column.notNull())
      .addPrimaryKeyConstraint('subject_total_key', ['month', 'reason'])
      .execute()
    await sql`insert into subject_total (month, reason, records)
      select substr(day, 1, 7), reason, sum(records) from subject_count
      group by substr(day, 1, 7), reason`.execute(kysely)
    await sql`create index subject_gap on subject_count (day)
      where reason not in ('indexed', 'not_personal')`.execute(kysely)
  },
}
