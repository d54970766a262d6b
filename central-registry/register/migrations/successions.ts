/**
 * Table of successions: which member takes over what from which, and whether the old names are still in use.
 */
import type { Migration } from 'kysely/migration'
import { columnTypes, identity } from '#platform/database/dialect.ts'

export const successionMigrations: Record<string, Migration> = {
  'registry-successions-001': {
    up: async (kysely) => {
      const type = columnTypes(kysely)
      let table = kysely.schema.createTable('succession').addColumn('id', ...identity(kysely))
      for (const name of ['predecessor', 'successor', 'plan', 'begun_at', 'begun_by'])
        table = table.addColumn(name, type.text, (column) => column.notNull())
      await table.addColumn('completed_at', type.text).addColumn('completed_by', type.text).execute()
      for (const name of ['predecessor', 'successor'])
        await kysely.schema.createIndex(`succession_${name}`).on('succession').column(name).execute()
    },
  },
}
