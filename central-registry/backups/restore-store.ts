/** Puts the rows of a backup into a database that holds nothing yet, whole or not at all, and marks it as restored. */
import { tablesIn } from '#platform/database/dialect-dump.ts'
import { loadTables } from '#platform/database/dump.ts'
import { migrate } from '#platform/database/migrate.ts'
import { openDatabase, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { allMigrations } from '../migrations/all.ts'
import type { Tables } from '../migrations/tables.ts'

/** The parameter that stands in a restored register until two administrators have accepted it. */
export const RESTORED_BACKUP = 'restoredBackup'

/** Throws `conflict` for a database that holds something, `backup_invalid`. */
export async function restoreDatabase(q: {
  url: string
  migrations: string[]
  rows: number
  /** SHA-256 of the file. */
  backup: string
  read(load: (lines: AsyncIterable<string>) => Promise<void>): Promise<void>
}): Promise<void> {
  const unknown = q.migrations.find((name) => allMigrations[name] === undefined)
  if (unknown !== undefined)
    throw new Fault('backup_invalid', { what: `a newer version made it, which knows ${unknown}` })
  const database = await openDatabase(q.url)
  try {
    if ((await tablesIn(database.kysely)).length > 0)
      throw new Fault('conflict', {
        what: 'the database holds something already: name an empty one, a restore overwrites nothing',
      })
    // As the version had them that made it; what came since is done to the rows by the next start.
    const then = q.migrations.map((name) => [name, allMigrations[name]!] as const)
    await migrate(database, Object.fromEntries(then))
    await q.read(async (lines) => {
      await loadTables(database.kysely, lines, async (transaction, rows) => {
        if (rows !== q.rows)
          throw new Fault('backup_invalid', { what: `it has ${rows} rows instead of ${q.rows}` })
        const parameters = tablesOf<Tables>({ kysely: transaction })
        await parameters.deleteFrom('system_parameter').where('name', '=', RESTORED_BACKUP).execute()
        await parameters
          .insertInto('system_parameter')
          .values({ name: RESTORED_BACKUP, value: q.backup })
          .execute()
      })
    })
  } finally {
    await database.close()
  }
}
