/** The index by person: only keyed hashes, and counts of the records that were indexed or could not be. */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from '#platform/database/dialect.ts'

export const subjects: Migration = {
  up: async (kysely: Kysely<unknown>) => {
    const { text, integer, blob } = columnTypes(kysely)
    const { schema } = kysely
    // `entry` begins with the month. Searches use it, and so does the deletion of a month whose key was
    // destroyed.
    await schema
      .createTable('subject')
      .addColumn('entry', blob, (column) => column.notNull())
      .addColumn('idx', integer, (column) => column.notNull())
      .addPrimaryKeyConstraint('subject_key', ['entry', 'idx'])
      .execute()
    // For erasures.
    await schema.createIndex('subject_idx').on('subject').columns(['idx']).execute()
    await schema
      .createTable('subject_count')
      .addColumn('day', text, (column) => column.notNull())
      .addColumn('key', blob, (column) => column.notNull())
      .addColumn('service', text, (column) => column.notNull())
      .addColumn('reason', text, (column) => column.notNull())
      .addColumn('records', integer, (column) => column.notNull())
      .addColumn('first_idx', integer, (column) => column.notNull())
      .addColumn('last_idx', integer, (column) => column.notNull())
      .addPrimaryKeyConstraint('subject_count_key', ['day', 'key'])
      .execute()
  },
}
