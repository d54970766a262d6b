/**
 * Table of restored registers that two administrators accepted, with their content and how far others had
 * come.
 */
import type { Migration } from 'kysely/migration'
import { columnTypes, identity } from '#platform/database/dialect.ts'

export const restorationMigrations: Record<string, Migration> = {
  'registry-restorations-001': {
    up: async (kysely) => {
      const type = columnTypes(kysely)
      let restorations = kysely.schema.createTable('restoration').addColumn('id', ...identity(kysely))
      for (const name of ['content', 'sha256', 'accepted_at', 'proposed_by', 'accepted_by'])
        restorations = restorations.addColumn(name, type.text, (column) => column.notNull())
      for (const name of ['configuration_index', 'suspension_list', 'leaves'])
        restorations = restorations.addColumn(name, type.integer, (column) => column.notNull())
      await restorations.execute()
    },
  },
}
