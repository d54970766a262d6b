/**
 * Counts the changes of the register, so that a thread which prepares a publication can tell whether the
 * register has changed since.
 */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from '#platform/database/dialect.ts'
import type { RegisterTables } from '../tables.ts'

export const registerRevision: Record<string, Migration> = {
  'registry-003-revision': {
    up: async (kysely: Kysely<RegisterTables>) => {
      const type = columnTypes(kysely)
      // This table has one row.
      await kysely.schema
        .createTable('register_revision')
        .addColumn('id', type.integer, (column) => column.primaryKey())
        .addColumn('revision', type.integer, (column) => column.notNull())
        .execute()
      await kysely.insertInto('register_revision').values({ id: 1, revision: 0 }).execute()
    },
  },
}
