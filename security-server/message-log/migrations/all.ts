/** The migrations of the message log's own database. Names never change; new ones are added at the end. */
import type { Migration } from 'kysely/migration'
import { evidenceRecords } from './evidence-records.ts'
import { first } from './first.ts'
import { searchTime } from './search-time.ts'

export const messageLogMigrations: Record<string, Migration> = {
  '2026-12-01-message-log': first,
  '2026-12-02-message-log-search-time': searchTime,
  '2026-12-03-message-log-evidence-records': evidenceRecords,
}
