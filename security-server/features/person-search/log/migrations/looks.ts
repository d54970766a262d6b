/**
 * Questions to trackers about a person, which are counted and are no uses: known by their path when they are
 * indexed.
 */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from '#platform/database/dialect.ts'

export const looks: Migration = {
  up: async (kysely: Kysely<unknown>) => {
    const { integer } = columnTypes(kysely)
    const { schema } = kysely
    await schema
      .createTable('subject_look')
      .addColumn('idx', integer, (column) => column.primaryKey())
      .execute()
    // An erased answer takes its row away.
    await schema.createIndex('subject_answer_by_answer').on('subject_answer').column('answer_idx').execute()
  },
}
