/** Runs a test suite on every store, in a database with the registry's tables. */
import type { Test } from 'tap'
import { registryMigrations } from '#central-registry/features.ts'
import type { Database } from '#platform/database/open-database.ts'
import { eachDatabase, onEachDatabase } from '#test/databases.ts'

/** Runs `act` as one subtest per store; `url` opens the same database again. */
export async function eachRegistryDatabase(
  t: Test,
  act: (database: Database, t: Test, url: string) => Promise<void>,
): Promise<void> {
  await eachDatabase(t, act, registryMigrations)
}

/** A test on every store that opens its database itself. */
export function onEachRegistryDatabase(name: string, act: (t: Test, url: string) => Promise<void>): void {
  onEachDatabase(name, act, registryMigrations)
}
