/** The log's own database with its stores; apart from the server's, so that evidence outlives configuration. */
import { migrate } from '#platform/database/migrate.ts'
import { type Database, openDatabase } from '#platform/database/open-database.ts'
import { createEvidenceRecordStore, type EvidenceRecordStore } from './evidence-records/store.ts'
import { messageLogMigrations } from './migrations/all.ts'
import { createRecordStore, type RecordStore } from './records/store.ts'
import { createSearchStore, type SearchStore } from './search/store.ts'
import { createTimeStampStore, type TimeStampStore } from './time-stamps/store.ts'
import { createTreeStore, type TreeStore } from './tree/store.ts'

export type LogDatabase = {
  database: Database
  records: RecordStore
  tree: TreeStore
  timeStamps: TimeStampStore
  evidenceRecords: EvidenceRecordStore
  search: SearchStore
  close(): Promise<void>
}

/** Opens the database and brings it to this version's schema unless `readOnly`. */
export async function openLogDatabase(url: string, o: { readOnly?: boolean } = {}): Promise<LogDatabase> {
  const database = await openDatabase(url)
  try {
    if (o.readOnly !== true) await migrate(database, messageLogMigrations)
  } catch (fault) {
    await database.close()
    throw fault
  }
  return {
    database,
    records: createRecordStore(database),
    tree: createTreeStore(database),
    timeStamps: createTimeStampStore(database),
    evidenceRecords: createEvidenceRecordStore(database),
    search: createSearchStore(database),
    close: () => database.close(),
  }
}
