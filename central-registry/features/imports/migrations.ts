/**
 * Tables of imports of running instances: the published documents, certificates that were found, the report.
 */
import type { Migration } from 'kysely/migration'
import { columnTypes, identity } from '#platform/database/dialect.ts'

export const importMigrations: Record<string, Migration> = {
  'registry-imports-001': {
    up: async (kysely) => {
      const type = columnTypes(kysely)
      let table = kysely.schema.createTable('instance_import').addColumn('id', ...identity(kysely))
      for (const name of ['instance', 'anchor_hash', 'state', 'expires_at', 'examined_at', 'examined_by'])
        table = table.addColumn(name, type.text, (column) => column.notNull())
      for (const name of ['anchor', 'directory', 'shared'])
        table = table.addColumn(name, type.blob, (column) => column.notNull())
      // An external configuration has no private parameters.
      table = table.addColumn('private', type.blob)
      for (const name of ['carried_out_at', 'carried_out_by', 'content_hash', 'report'])
        table = table.addColumn(name, type.text)
      await table.execute()
      await kysely.schema
        .createTable('import_certificate')
        .addColumn('import', identity(kysely)[0], (column) =>
          column.notNull().references('instance_import.id'),
        )
        .addColumn('sha256', type.text, (column) => column.notNull())
        .addColumn('certificate', type.blob, (column) => column.notNull())
        // `tls`: presented by the server. `file`: uploaded by an administrator.
        .addColumn('origin', type.text, (column) => column.notNull())
        .addPrimaryKeyConstraint('import_certificate_key', ['import', 'sha256'] as never[])
        .execute()
    },
  },
}
