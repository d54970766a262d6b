/** Runs a test suite on every store: a fresh embedded database and a fresh PostgreSQL database. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t, { type Test } from 'tap'
import type { Database } from '#platform/database/open-database.ts'
import { openDatabase } from '#platform/database/open-database.ts'
import { type Migrations, migratedDatabase, writeMigratedFile } from './migrated-databases.ts'
import { skipFor } from './outside-tools.ts'
import { hasPostgresql, postgresql } from './postgresql.ts'

/**
 * Runs `act` as one subtest per store; `url` opens the same database again (a second node, a worker). The
 * database is empty, or has run `migrations`.
 */
export async function eachDatabase(
  t: Test,
  act: (database: Database, t: Test, url: string) => Promise<void>,
  migrations?: Migrations,
): Promise<void> {
  await t.test('on sqlite', async (t) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'concordat-db-'))
    t.teardown(() => rmSync(folder, { recursive: true, force: true }))
    const file = path.join(folder, 'test.db')
    if (migrations !== undefined) await writeMigratedFile(file, migrations)
    await run(`sqlite:${file}`, t, act)
  })
  await t.test('on postgresql', async (t) => {
    if (!hasPostgresql()) return skipFor(t, 'PostgreSQL is not installed')
    const url =
      migrations === undefined
        ? await (await postgresql()).freshDatabase()
        : await migratedDatabase(migrations)
    await run(url, t, act)
  })
}

/** A test on every store that opens its database itself. */
export function onEachDatabase(
  name: string,
  act: (t: Test, url: string) => Promise<void>,
  migrations?: Migrations,
): void {
  void t.test(name, (t) => eachDatabase(t, (_database, t, url) => act(t, url), migrations))
}

async function run(
  url: string,
  t: Test,
  act: (database: Database, t: Test, url: string) => Promise<void>,
): Promise<void> {
  const database = await openDatabase(url)
  try {
    await act(database, t, url)
  } finally {
    await database.close()
  }
}
