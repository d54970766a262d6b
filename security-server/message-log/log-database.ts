/** The log's own database with its stores; apart from the server's, so that evidence outlives configuration. */
import { sql } from 'kysely'
import { isMigrated, migrate } from '#platform/database/migrate.ts'
import { type Database, openDatabase, openSnapshot } from '#platform/database/open-database.ts'
import { createSubjectCountStore, type SubjectCountStore } from '../features/person-search/log/count-store.ts'
import { createSubjectStore, type SubjectStore } from '../features/person-search/log/store.ts'
import { createReconciliationStore, type ReconciliationStore } from '../features/reconciliation/log/store.ts'
import { type ArchiveStore, createArchiveStore } from '../features/retention/archives/store.ts'
import { createHoldStore, type HoldStore } from '../features/retention/holds/store.ts'
import { createRetentionStore, type RetentionStore } from '../features/retention/store.ts'
import { createSearchStore, type SearchStore } from '../reading/index/store.ts'
import { createTermsStore, type TermsStore } from '../reading/index/terms-store.ts'
import { type CircumstancesStore, createCircumstancesStore } from './circumstances/store.ts'
import { type CosignatureStore, createCosignatureStore } from './cosignatures/store.ts'
import { createDailyCountStore, type DailyCountStore } from './daily-counts/store.ts'
import { createEvidenceRecordStore, type EvidenceRecordStore } from './evidence-renewal/store.ts'
import { messageLogMigrations } from './migrations/all.ts'
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
  search: SearchStore
  terms: TermsStore
  dailyCounts: DailyCountStore
  subjects: SubjectStore
  subjectCounts: SubjectCountStore
  cosignatures: CosignatureStore
  retention: RetentionStore
  holds: HoldStore
  archives: ArchiveStore
  reconciliation: ReconciliationStore
  close(): Promise<void>
}

const MIGRATION_STATEMENT_MS = 3_600_000

/** Opens the database and brings it to this version's schema unless `readOnly`. */
export async function openLogDatabase(url: string, o: { readOnly?: boolean } = {}): Promise<LogDatabase> {
  const database = await openDatabase(url)
  try {
    // On every connection from the first row on: pages that are split would keep copies of what is erased later.
    if (database.dialect === 'sqlite') await sql`pragma secure_delete = on`.execute(database.kysely)
    if (o.readOnly !== true) await bringUp(database, url)
  } catch (fault) {
    await database.close()
    throw fault
  }
  return storesOf(database)
}

/** The log as it is when it is first read, whoever writes to it meanwhile; of this version's schema. */
export async function openLogSnapshot(url: string): Promise<LogDatabase> {
  return storesOf(await openSnapshot(url))
}

function storesOf(database: Database): LogDatabase {
  const circumstances = createCircumstancesStore(database)
  return {
    database,
    records: createRecordStore(database),
    tree: createTreeStore(database),
    timeStamps: createTimeStampStore(database),
    evidenceRecords: createEvidenceRecordStore(database),
    circumstances,
    search: createSearchStore(database),
    terms: createTermsStore(database, circumstances),
    dailyCounts: createDailyCountStore(database),
    subjects: createSubjectStore(database),
    subjectCounts: createSubjectCountStore(database),
    cosignatures: createCosignatureStore(database),
    retention: createRetentionStore(database),
    holds: createHoldStore(database),
    archives: createArchiveStore(database),
    reconciliation: createReconciliationStore(database),
    close: () => database.close(),
  }
}

/** A migration of a large log, or the wait for the node that runs it, takes longer than any other statement may. */
async function bringUp(database: Database, url: string): Promise<void> {
  if (database.dialect === 'sqlite' || (await isMigrated(database, messageLogMigrations)))
    return await migrate(database, messageLogMigrations)
  const address = new URL(url)
  const statementMs = Math.max(MIGRATION_STATEMENT_MS, Number(address.searchParams.get('statementMs')))
  address.searchParams.set('statementMs', String(statementMs))
  const patient = await openDatabase(address.href)
  try {
    await migrate(patient, messageLogMigrations)
  } finally {
    await patient.close()
  }
}
