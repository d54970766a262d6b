/** The table of this server's backups. */
import type { Migration } from 'kysely/migration'
import { createBackupTable } from '#platform/backups/run-store.ts'

export const serverBackupMigrations: Record<string, Migration> = {
  'security-server-backups-001': { up: createBackupTable },
}
