/** Fills the database of a restored registry: all rows, and the parameter that says it waits for acceptance. */

import type { Migration } from 'kysely/migration'
import type { BackupFacts } from '#platform/backups/manifest.ts'
import { restoreDatabase } from '#platform/backups/restore-store.ts'
import { tablesOf } from '#platform/database/open-database.ts'
import { RESTORED_BACKUP } from '../../configuration/restored-store.ts'
import type { Tables } from './tables.ts'

/** `backup` is the SHA-256 of the backup file; `putFiles` comes before the rows are in. Throws as `restoreDatabase`. */
export async function restoreRegister(q: {
  url: string
  facts: BackupFacts
  backup: string
  /** The migrations of all tables of the registry. */
  migrations: Record<string, Migration>
  putFiles(): Promise<void>
  read(load: (lines: AsyncIterable<string>) => Promise<void>): Promise<void>
}): Promise<void> {
  await restoreDatabase({
    ...q,
    finish: async (transaction) => {
      const parameters = tablesOf<Tables>({ kysely: transaction })
      await parameters.deleteFrom('system_parameter').where('name', '=', RESTORED_BACKUP).execute()
      const row = { name: RESTORED_BACKUP, value: q.backup }
      await parameters.insertInto('system_parameter').values(row).execute()
      await q.putFiles()
    },
  })
}
