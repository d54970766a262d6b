/** Tables of the catalogue: when each subsystem was asked, the services that it offers, their descriptions and changes. */
import type { Migration } from 'kysely/migration'
import { columnTypes, identity } from '#platform/database/dialect.ts'

export const catalogueMigrations: Record<string, Migration> = {
  'registry-catalogue-001': {
    up: async (kysely) => {
      const type = columnTypes(kysely)
      const table = (name: string) => kysely.schema.createTable(name)
      await table('catalogue_subsystem')
        .addColumn('subsystem', type.text, (column) => column.primaryKey())
        .addColumn('next_at', type.text, (column) => column.notNull())
        .addColumn('asked_at', type.text, (column) => column.notNull())
        .addColumn('answered_at', type.text)
        .addColumn('failure', type.text)
        .execute()
      let services = table('catalogue_service')
        .addColumn('id', type.text, (column) => column.primaryKey())
        .addColumn('document', type.text)
      const texts = ['provider', 'service_code', 'type', 'endpoints', 'title', 'description', 'version']
      for (const name of [...texts, 'contact', 'access', 'status', 'search', 'first_seen', 'last_seen'])
        services = services.addColumn(name, type.text, (column) => column.notNull())
      await services.addColumn('changed_at', type.text, (column) => column.notNull()).execute()
      const index = (on: string, column: string) =>
        kysely.schema.createIndex(`${on}_${column}`).on(on).column(column).execute()
      await index('catalogue_service', 'provider')
      await index('catalogue_service', 'document')
      await table('catalogue_document')
        .addColumn('sha256', type.text, (column) => column.primaryKey())
        .addColumn('content', type.blob, (column) => column.notNull())
        .execute()
      await table('catalogue_change')
        .addColumn('id', ...identity(kysely))
        .addColumn('service', type.text, (column) => column.notNull())
        .addColumn('at', type.text, (column) => column.notNull())
        .addColumn('what', type.text, (column) => column.notNull())
        .addColumn('before', type.text)
        .addColumn('after', type.text)
        .execute()
      await index('catalogue_change', 'service')
    },
  },
}
