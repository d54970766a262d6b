/** How often the register changed: who prepares a publication beside the register sees whether it still says what is there. */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from '#platform/database/dialect.ts'
import type { RegisterTables } from '../tables.ts'

export const registerRevision: Record<string, Migration> = {
  'registry-003-revision': {
    up: async (kysely: Kysely<RegisterTables>) => {
      const type = columnTypes(kysely)
      // One row.
      await kysely.schema
        .createTable('register_revision')
        .addColumn('id', type.integer, (column) => column.primaryKey())
        .addColumn('revision', type.integer, (column) => column.notNull())
        .execute()
      await kysely.insertInto('register_revision').values({ id: 1, revision: 0 }).execute()
    },
  },
}
