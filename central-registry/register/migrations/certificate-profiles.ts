/** Table of the certificate profiles that the registry publishes in addition to X-Road's classes. */
import type { Migration } from 'kysely/migration'
import { columnTypes } from '#platform/database/dialect.ts'

export const certificateProfileMigrations: Record<string, Migration> = {
  'registry-trust-001': {
    up: async (kysely) => {
      const type = columnTypes(kysely)
      await kysely.schema
        .createTable('certificate_profile')
        .addColumn('name', type.text, (column) => column.primaryKey())
        .addColumn('document', type.text, (column) => column.notNull())
        .addColumn('sha256', type.text, (column) => column.notNull())
        .addColumn('changed_at', type.text, (column) => column.notNull())
        .execute()
    },
  },
}
