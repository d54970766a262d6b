/** Loads the rows of a backup into an empty database, completely or not at all. */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { tablesIn } from '#platform/database/dialect-dump.ts'
import { loadTables } from '#platform/database/dump.ts'
import { migrate } from '#platform/database/migrate.ts'
import { openDatabase } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import type { BackupFacts } from './manifest.ts'

/**
 * `facts` are those of the manifest, with `migrations` and `rows`; `finish` runs within the transaction. Throws `conflict` if the
 * database is not empty, and `backup_invalid`.
 */
export async function restoreDatabase(q: {
  url: string
  migrations: Record<string, Migration>
  facts: BackupFacts
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
    if ((await tablesIn(database.kysely)).length > 0)
      throw new Fault('conflict', {
        what: 'the database holds something already: name an empty one, a restore overwrites nothing',
      })
    // The tables of the version that made the backup. The next start runs the newer migrations on the loaded rows.
    await migrate(database, Object.fromEntries(then.map((name) => [name, q.migrations[name]!] as const)))
    await q.read(async (lines) => {
      await loadTables(database.kysely, lines, async (transaction, rows) => {
        if (rows !== q.facts['rows'])
          throw new Fault('backup_invalid', { what: `it has ${rows} rows instead of ${q.facts['rows']}` })
        await q.finish?.(transaction)
      })
    })
  } finally {
    await database.close()
  }
}
