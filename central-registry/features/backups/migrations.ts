/** The table of backups, the same as in the security server. */
import type { Migration } from 'kysely/migration'
import { createBackupTable } from '#platform/backups/run-store.ts'

export const backupMigrations: Record<string, Migration> = {
  'registry-backups-001': { up: createBackupTable },
}
