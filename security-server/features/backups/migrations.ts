/** The tables of this server's backups. */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { createBackupTable } from '#platform/backups/run-store.ts'
import { columnTypes } from '#platform/database/dialect.ts'

export const serverBackupMigrations: Record<string, Migration> = {
  'security-server-backups-001': { up: createBackupTable },
  'security-server-backups-002': {
    up: async (kysely: Kysely<unknown>) => {
      const { text } = columnTypes(kysely)
      await kysely.schema
        .createTable('backup_proof')
        .addColumn('name', text, (column) => column.primaryKey())
        .addColumn('proven_at', text, (column) => column.notNull())
        .execute()
    },
  },
  // When a backup was first read back, and why that failed last.
  'security-server-backups-003': {
    up: async (kysely: Kysely<unknown>) => {
      const { text } = columnTypes(kysely)
      await kysely.schema
        .createTable('backup_proof_try')
        .addColumn('name', text, (column) => column.primaryKey())
        .addColumn('first_at', text, (column) => column.notNull())
        .addColumn('failure', text)
        .execute()
    },
  },
}
