/** Migrates a database to the schema of this version, once, however many nodes start at the same time. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import { Migrator } from 'kysely/migration'
import { Fault } from '#schemas/fault.ts'
import { hasTable } from './dialect.ts'
import { migrationsIn } from './dialect-dump.ts'
import { leavingMarks, ofNewerVersions, type SchemaChange } from './older-versions.ts'
import type { Database } from './open-database.ts'
import { stateForRestore } from './restore-mark.ts'

const ATTEMPTS = 3
const PAUSE_MS = 200

/**
 * Runs the migrations that have not run yet, in the order of names. Sets of several modules are merged:
 * `{ ...jobsMigrations, ...ours }`. Names must never be changed or removed later. Throws `database_error`,
 * also when a newer version has changed the database so that this one cannot use it (`olderVersionsGoOn`), or
 * when it is what a restore left that was broken off. Before a change after which older versions could not go
 * on, `beforeOlderOnesEnd` may refuse it.
 */
export async function migrate(
  database: Database,
  migrations: Record<string, SchemaChange>,
  beforeOlderOnesEnd?: () => Promise<void>,
): Promise<void> {
  if ((await stateForRestore(database.kysely)) === 'broken off')
    throw new Fault('database_error', {
      what: 'a restore into it was broken off: run that again, or name another database',
    })
  if (beforeOlderOnesEnd !== undefined && (await endsOlderOnes(database, migrations)))
    await beforeOlderOnesEnd()
  await runMigrations(database, migrations)
}

async function endsOlderOnes(
  { kysely }: Database,
  migrations: Record<string, SchemaChange>,
): Promise<boolean> {
  const run = await migrationsRunIn(kysely)
  const toRun = Object.entries(migrations).filter(([name]) => !run.has(name))
  return run.size > 0 && toRun.some(([, { olderVersionsGoOn }]) => olderVersionsGoOn !== true)
}

/** The same for a restore, which alone goes on with what it left. */
export async function runMigrations(
  database: Database,
  migrations: Record<string, SchemaChange>,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const { error } = await (await migratorOf(database, migrations)).migrateToLatest()
    if (error === undefined) return
    // If two nodes create the migration tables at the same moment, one fails on the catalogue and finds the
    // tables when it tries again. So does a node that a newer version overtook.
    if (attempt === ATTEMPTS) throw new Fault('database_error', { what: whyNot(error), cause: error })
    await wait(PAUSE_MS)
  }
}

const TOO_NEW = 'a newer version has changed it: start that version, or restore a backup into an empty one'

function whyNot(error: unknown): string {
  const isNewer = /previously executed migration \S+ is missing/.test(String(error))
  return isNewer ? TOO_NEW : 'migrations failed'
}

/** Whether a newer version has changed it so that this one must not go on with it. */
export async function isTooNew(
  database: Database,
  migrations: Record<string, SchemaChange>,
): Promise<boolean> {
  return (await schemaIn(database, migrations)) === 'too new'
}

/**
 * Throws `database_error` when a newer version has changed it since `migrate` so that this one cannot use it.
 */
export async function refuseTooNew(
  database: Database,
  migrations: Record<string, SchemaChange>,
): Promise<void> {
  if (await isTooNew(database, migrations)) throw new Fault('database_error', { what: TOO_NEW })
}

/** Whether no migration is left to run; changes nothing. */
export async function isMigrated(
  database: Database,
  migrations: Record<string, SchemaChange>,
): Promise<boolean> {
  const found = await (await migratorOf(database, migrations)).getMigrations()
  return found.every(({ executedAt }) => executedAt !== undefined)
}

/**
 * What a start of this version finds: nothing yet, its own schema, one that it would change, or one of a
 * newer version, with which it goes on or not. Changes nothing.
 */
export async function schemaIn(
  database: Database,
  migrations: Record<string, SchemaChange>,
): Promise<'empty' | 'current' | 'older' | 'newer' | 'too new'> {
  const run = await migrationsRunIn(database.kysely)
  if (run.size === 0) return 'empty'
  const accepted = await ofNewerVersions(database.kysely, migrations)
  const unknown = [...run].filter((name) => migrations[name] === undefined)
  if (unknown.some((name) => accepted[name] === undefined)) return 'too new'
  if (Object.keys(migrations).some((name) => !run.has(name))) return 'older'
  return unknown.length > 0 ? 'newer' : 'current'
}

/** None in a database that nobody has migrated; any other fault says nothing about it, and is thrown. */
async function migrationsRunIn(kysely: Kysely<unknown>): Promise<Set<string>> {
  return new Set((await hasTable(kysely, 'kysely_migration')) ? await migrationsIn(kysely) : [])
}

async function migratorOf(database: Database, migrations: Record<string, SchemaChange>): Promise<Migrator> {
  const all = { ...leavingMarks(migrations), ...(await ofNewerVersions(database.kysely, migrations)) }
  return new Migrator({
    db: database.kysely,
    provider: { getMigrations: async () => all },
    // Sets of several modules share a table, so a new migration may sort before one that ran long ago.
    allowUnorderedMigrations: true,
  })
}
