/** A key holder in memory, for tests of its callers. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { openDatabase } from '#platform/database/open-database.ts'
import { createHolder, type Holder } from '../../../subject-keys/holder.ts'
import { holderMigrations } from '../../../subject-keys/store.ts'

export async function memoryHolder(t: Test, clock: () => number = Date.now): Promise<Holder> {
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-holder-'))
  const database = await openDatabase('sqlite::memory:')
  t.teardown(async () => {
    await database.close()
    rmSync(folder, { recursive: true, force: true })
  })
  await migrate(database, holderMigrations)
  const searches = { perPersonDay: 1000, perCaseDay: 1000, perDay: 1000 }
  const limits = {
    ...searches,
    identifiersPerDay: 10_000,
    indexesPerDay: 10_000,
    lookUpsPerClientDay: 10_000,
    lookUpsPerDay: 20_000,
  }
  return createHolder({ database, directory: folder, clock, keepMonths: 3, limits })
}
