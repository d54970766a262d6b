/** The index by person: keyed hashes alone, and counts of what was indexed and of what could not be. */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from '#platform/database/dialect.ts'

export const subjects: Migration = {
  up: async (kysely: Kysely<unknown>) => {
    const { text, integer, blob } = columnTypes(kysely)
    const { schema } = kysely
    // `entry` begins with the month: a search goes by it, and what is left of a month whose key is gone is deleted by it.
    await schema
      .createTable('subject')
      .addColumn('entry', blob, (column) => column.notNull())
      .addColumn('idx', integer, (column) => column.notNull())
      .addPrimaryKeyConstraint('subject_key', ['entry', 'idx'])
      .execute()
    // Erasure goes by it.
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
