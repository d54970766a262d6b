/**
 * Loads the rows of a backup into an empty database, completely or not at all. What ends in between leaves a database that nothing
 * uses and that the same restore can be run on again.
 */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { loadTables } from '#platform/database/dump.ts'
import { runMigrations } from '#platform/database/migrate.ts'
import { openDatabase } from '#platform/database/open-database.ts'
import { endRestore, markedBackup, markRestore, stateForRestore } from '#platform/database/restore-mark.ts'
import { Fault } from '#schemas/fault.ts'
import type { BackupFacts } from './manifest.ts'

/**
 * `facts` are those of the manifest, with `migrations` and `rows`, `backup` is the SHA-256 of the file; `finish` runs within the transaction, and nothing is restored if it
 * throws. Throws `conflict` if the database is not empty or was begun with another backup, and `backup_invalid`, before `finish` is called.
 */
export async function restoreDatabase(q: {
  url: string
  migrations: Record<string, Migration>
  facts: BackupFacts
  backup: string
  read(load: (lines: AsyncIterable<string>) => Promise<void>): Promise<void>
  finish?(transaction: Kysely<unknown>): Promise<void>
}): Promise<void> {
  const then = q.facts['migrations']
  if (!Array.isArray(then)) throw new Fault('backup_invalid', { what: 'its manifest names no migrations' })
  const unknown = then.find((name) => q.migrations[name] === undefined)
  if (unknown !== undefined)
    throw new Fault('backup_invalid', { what: `a newer version made it, which knows ${unknown}` })
  const database = await openDatabase(q.url)
  try {
    const state = await stateForRestore(database.kysely)
    if (state === 'used')
      throw new Fault('conflict', {
        what: 'the database holds something already: name an empty one, a restore overwrites nothing',
      })
    // Files of the other one are there already, and would stay beside the rows of this one.
    if (state === 'broken off' && (await markedBackup(database.kysely)) !== q.backup)
      throw new Fault('conflict', {
        what: 'a restore of another backup into it was broken off: run that again, or name an empty database and folder',
      })
    // The tables of the version that made the backup. The next start runs the newer migrations on the loaded rows.
    if (state === 'empty') await markRestore(database.kysely, q.backup)
    await runMigrations(
      database,
      Object.fromEntries(then.map((name) => [name, q.migrations[name]!] as const)),
    )
    await q.read(async (lines) => {
      await loadTables(database.kysely, lines, async (transaction, rows) => {
        if (rows !== q.facts['rows'])
          throw new Fault('backup_invalid', { what: `it has ${rows} rows instead of ${q.facts['rows']}` })
        await q.finish?.(transaction)
        await endRestore(transaction)
      })
    })
  } finally {
    await database.close()
  }
}
