/**
 * Loads the rows of a backup into an empty database, completely or not at all. What ends in between leaves a
 * database that nothing uses and that the same restore can be run on again.
 */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { loadTables } from '#platform/database/dump.ts'
import { runMigrations } from '#platform/database/migrate.ts'
import { openDatabase } from '#platform/database/open-database.ts'
import { endRestore, markOfRestore, markRestore, stateForRestore } from '#platform/database/restore-mark.ts'
import { Fault } from '#schemas/fault.ts'
import { linesOf } from './lines.ts'
import type { Manifest } from './manifest.ts'
import { readEntry } from './read-backup.ts'

/**
 * `file` was verified: `manifest` is its manifest, `sha256` that of the file, `entry` the name of its
 * database. `without` are the tables that come back with no backup. `finish` runs within the transaction when
 * the rows are those that were verified, and nothing is restored if it throws. Nothing of the file is read
 * after it. If this goes on with a restore that was broken off, `finish` is given the `note` of each earlier
 * attempt. Throws `conflict` if the database is not empty or was begun with another backup, and
 * `backup_invalid`, before `finish` is called.
 */
export async function restoreDatabase(q: {
  url: string
  migrations: Record<string, Migration>
  file: string
  secret: string
  verified: { manifest: Manifest; sha256: string }
  entry: string
  without: readonly string[]
  note?: string
  finish(transaction: Kysely<unknown>, earlier: readonly string[]): Promise<void>
}): Promise<void> {
  const { manifest, sha256 } = q.verified
  const { facts } = manifest
  const then = facts['migrations']
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
    const mark = state === 'broken off' ? await markOfRestore(database.kysely) : undefined
    if (mark !== undefined && mark.backup !== sha256)
      throw new Fault('conflict', {
        what: 'a restore of another backup into it was broken off: run that again, or name an empty database and folder',
      })
    // The tables of the version that made the backup. The next start runs the newer migrations on the loaded
    // rows.
    const earlier = mark?.notes ?? []
    await markRestore(database.kysely, { backup: sha256, notes: [...earlier, q.note ?? ''] })
    await runMigrations(
      database,
      Object.fromEntries(then.map((name) => [name, q.migrations[name]!] as const)),
    )
    await readEntry({ ...q, manifest, name: q.entry }, async (content) => {
      const { without } = q
      await loadTables(database.kysely, { lines: linesOf(content), without }, async (transaction, rows) => {
        if (rows !== facts['rows'])
          throw new Fault('backup_invalid', { what: `it has ${rows} rows instead of ${facts['rows']}` })
        await q.finish(transaction, earlier)
        await endRestore(transaction)
      })
    })
  } finally {
    await database.close()
  }
}
