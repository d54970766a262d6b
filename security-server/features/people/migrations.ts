/**
 * The tables of the people who administer a security server and audit its log, and of the code by which the
 * first of them comes in.
 */
import type { Migration } from 'kysely/migration'
import { columnTypes } from '#platform/database/dialect.ts'
import { createPersonTable } from '#platform/people/tables.ts'

export const serverPeopleMigrations: Record<string, Migration> = {
  'security-server-people-001': { up: createPersonTable },
  'security-server-people-002': {
    up: async (kysely) => {
      const type = columnTypes(kysely)
      await kysely.schema
        .createTable('claim_code')
        .addColumn('id', type.integer, (column) => column.primaryKey())
        .addColumn('digest', type.blob, (column) => column.notNull())
        .addColumn('ends_at', type.text, (column) => column.notNull())
        .addColumn('tries', type.integer, (column) => column.notNull())
        .addColumn('claimed_by', type.text)
        .addColumn('claimed_at', type.text)
        .execute()
    },
  },
}
