/**
 * The log's own database with the stores of the appending side. It is separate from the server's database, so
 * that evidence outlives configuration.
 */
import { hasTable } from '#platform/database/dialect.ts'
import { isTooNew } from '#platform/database/migrate.ts'
import { migratePatiently } from '#platform/database/migrate-patiently.ts'
import type { SchemaChange } from '#platform/database/older-versions.ts'
import { type Database, openDatabase, openSnapshot } from '#platform/database/open-database.ts'
import { type CircumstancesStore, createCircumstancesStore } from './circumstances/store.ts'
import { type CosignatureStore, createCosignatureStore } from './cosignatures/store.ts'
import { createDailyCountStore, type DailyCountStore } from './daily-counts/store.ts'
import { createEvidenceRecordStore, type EvidenceRecordStore } from './evidence-renewal/store.ts'
import { createRecordStore, type RecordStore } from './records/store.ts'
import { createTimeStampStore, type TimeStampStore } from './time-stamps/store.ts'
import { createTreeStore, type TreeStore } from './tree/store.ts'

export type LogDatabase = {
  database: Database
  records: RecordStore
  tree: TreeStore
  timeStamps: TimeStampStore
  evidenceRecords: EvidenceRecordStore
  circumstances: CircumstancesStore
  dailyCounts: DailyCountStore
  cosignatures: CosignatureStore
  close(): Promise<void>
}

type ToMigrate = {
  migrations: Record<string, SchemaChange>
  /** May refuse a change after which older versions could not go on with the log. */
  beforeOlderOnesEnd?: () => Promise<void>
}

/**
 * Opens the database. With the migrations of the whole log (`logMigrations`) it first migrates to this
 * version's schema.
 */
export async function openLogDatabase(url: string, o: ToMigrate | { readOnly: true }): Promise<LogDatabase> {
  const database = await openDatabase(url)
  try {
    if ('migrations' in o) await migratePatiently(database, url, o.migrations, o.beforeOlderOnesEnd)
  } catch (fault) {
    await database.close()
    throw fault
  }
  return storesOf(database)
}

/** Whether nothing was ever appended to the log of this database. */
export async function isLogEmpty(url: string): Promise<boolean> {
  const database = await openDatabase(url)
  try {
    if (!(await hasTable(database.kysely, 'record'))) return true
    return (await createRecordStore(database).lastIndex()) === -1
  } finally {
    await database.close()
  }
}

/** Whether a newer version has changed the log's database so that this one must not go on. */
export function isLogTooNew(
  { database }: LogDatabase,
  migrations: Record<string, SchemaChange>,
): Promise<boolean> {
  return isTooNew(database, migrations)
}

/** The log as it is at the first read, even while others append. The schema must be this version's. */
export async function openLogSnapshot(url: string): Promise<LogDatabase> {
  return storesOf(await openSnapshot(url))
}

function storesOf(database: Database): LogDatabase {
  return {
    database,
    records: createRecordStore(database),
    tree: createTreeStore(database),
    timeStamps: createTimeStampStore(database),
    evidenceRecords: createEvidenceRecordStore(database),
    circumstances: createCircumstancesStore(database),
    dailyCounts: createDailyCountStore(database),
    cosignatures: createCosignatureStore(database),
    close: () => database.close(),
  }
}
