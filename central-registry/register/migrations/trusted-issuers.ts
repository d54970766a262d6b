/** Table of the issuers of credentials whom the instance trusts. */
import type { Migration } from 'kysely/migration'
import { columnTypes } from '#platform/database/dialect.ts'

export const trustedIssuerMigrations: Record<string, Migration> = {
  'registry-trust-003-issuers': {
    up: async (kysely) => {
      const type = columnTypes(kysely)
      await kysely.schema
        .createTable('trusted_issuer')
        .addColumn('name', type.text, (column) => column.primaryKey())
        .addColumn('document', type.text, (column) => column.notNull())
        .addColumn('sha256', type.text, (column) => column.notNull())
        .addColumn('changed_at', type.text, (column) => column.notNull())
        .execute()
    },
  },
}
