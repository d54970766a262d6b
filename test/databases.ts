/** Runs a test suite on every store: a fresh embedded database and a fresh PostgreSQL database. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t, { type Test } from 'tap'
import type { Database } from '#platform/database/open-database.ts'
import { openDatabase } from '#platform/database/open-database.ts'
import { skipFor } from './outside-tools.ts'
import { hasPostgresql, postgresql } from './postgresql.ts'

/** Runs `act` as one subtest per store; `url` opens the same database again (a second node, a worker). */
export async function eachDatabase(
  t: Test,
  act: (database: Database, t: Test, url: string) => Promise<void>,
): Promise<void> {
  await t.test('on sqlite', async (t) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'concordat-db-'))
    t.teardown(() => rmSync(folder, { recursive: true, force: true }))
    await run(`sqlite:${path.join(folder, 'test.db')}`, t, act)
  })
  await t.test('on postgresql', async (t) => {
    if (!hasPostgresql()) return skipFor(t, 'PostgreSQL is not installed')
    await run(await (await postgresql()).freshDatabase(), t, act)
  })
}

/** A test on every store that opens its empty database itself. */
export function onEachDatabase(name: string, act: (t: Test, url: string) => Promise<void>): void {
  void t.test(name, (t) => eachDatabase(t, (_database, t, url) => act(t, url)))
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
