/** The backups that were made or failed; the files themselves lie in a folder of a node. */
import type { Migration } from 'kysely/migration'
import { columnTypes, identity } from '#platform/database/dialect.ts'

export type BackupRow = {
  id: number
  /** The file in the folder of the node. */
  name: string
  node: string
  /** Empty for the daily one. */
  by: string
  begun_at: string
  ended_at: string | null
  state: 'running' | 'made' | 'failed'
  failure: string | null
  bytes: number | null
  sha256: string | null
  configuration_index: number | null
}

export const backupMigrations: Record<string, Migration> = {
  'registry-backups-001': {
    up: async (kysely) => {
      const type = columnTypes(kysely)
      let backups = kysely.schema.createTable('backup').addColumn('id', ...identity(kysely))
      for (const name of ['name', 'node', 'by', 'begun_at', 'state'])
        backups = backups.addColumn(name, type.text, (column) => column.notNull())
      for (const name of ['ended_at', 'failure', 'sha256']) backups = backups.addColumn(name, type.text)
      for (const name of ['bytes', 'configuration_index']) backups = backups.addColumn(name, type.integer)
      await backups.execute()
    },
  },
}
