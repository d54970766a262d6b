/** Starts a central registry: opens what its features share and serves them. */
import { lockFile } from '#platform/database/lock-file.ts'
import { migrate } from '#platform/database/migrate.ts'
import { type Database, openDatabase } from '#platform/database/open-database.ts'
import type { Running } from '#platform/process/run-process.ts'
import { serve } from '#platform/serve.ts'
import type { RegistrySettings } from './config.ts'
import { FEATURES, registryMigrations } from './features.ts'
import { openGround } from './ground.ts'
import { shapeOf } from './shape.ts'

export async function startRegistry(q: RegistrySettings): Promise<Running> {
  return serve(await openGround(q, { migrations: registryMigrations, lock: lockFile }), FEATURES, shapeOf)
}

/** Opens the registry's database and migrates its tables to this version. */
export async function openRegistryDatabase(url: string): Promise<Database> {
  const database = await openDatabase(url)
  await migrate(database, registryMigrations)
  return database
}
