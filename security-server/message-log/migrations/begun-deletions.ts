/**
 * Which node has begun to delete the file of an erased body, before it is gone: then a file that is missing
 * there is deleted.
 */
import type { Kysely } from 'kysely'
import { columnTypes } from '#platform/database/dialect.ts'
import type { SchemaChange } from '#platform/database/older-versions.ts'

export const begunDeletions: SchemaChange = {
  // An older version leaves the column empty, and forgets what it has deleted itself as before.
  olderVersionsGoOn: true,
  up: async (kysely: Kysely<unknown>) => {
    const { text } = columnTypes(kysely)
    await kysely.schema
      .alterTable('erased_body_file')
      .addColumn('begun_by', text, (column) => column.notNull().defaultTo(''))
      .execute()
  },
}
