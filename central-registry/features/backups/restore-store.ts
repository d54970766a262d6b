/**
 * Fills the database of a restored registry: all rows, and the parameter that says it waits for acceptance.
 */

import { restoreDatabase } from '#platform/backups/restore-store.ts'
import { tablesOf } from '#platform/database/open-database.ts'
import { RESTORED_BACKUP } from '../../configuration/restored-store.ts'
import { DATABASE_ENTRY } from './make-backup.ts'
import { WITHOUT } from './store.ts'
import type { Tables } from './tables.ts'

/** `putFiles` comes before the rows are in. Throws as `restoreDatabase`. */
export async function restoreRegister({
  putFiles,
  ...q
}: Omit<Parameters<typeof restoreDatabase>[0], 'entry' | 'without' | 'finish'> & {
  putFiles(): Promise<void>
}): Promise<void> {
  await restoreDatabase({
    ...{ ...q, entry: DATABASE_ENTRY, without: WITHOUT },
    finish: async (transaction) => {
      const parameters = tablesOf<Tables>({ kysely: transaction })
      await parameters.deleteFrom('system_parameter').where('name', '=', RESTORED_BACKUP).execute()
      const row = { name: RESTORED_BACKUP, value: q.verified.sha256 }
      await parameters.insertInto('system_parameter').values(row).execute()
      await putFiles()
    },
  })
}
