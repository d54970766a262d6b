/** The migrations of the message log's own database. Names never change; new ones are added at the end. */
import type { Migration } from 'kysely/migration'
import { actors } from './actors.ts'
import { circumstances } from './circumstances.ts'
import { cosignatures } from './cosignatures.ts'
import { dailyCounts } from './daily-counts.ts'
import { evidenceRecords } from './evidence-records.ts'
import { first } from './first.ts'
import { partitions } from './partitions.ts'
import { retention } from './retention.ts'
import { searchTerms } from './search-terms.ts'
import { searchTime } from './search-time.ts'
import { secrecy } from './secrecy.ts'
import { subjectMonths } from './subject-months.ts'
import { subjectTotals } from './subject-totals.ts'
import { subjects } from './subjects.ts'
import { traffic } from './traffic.ts'

export const messageLogMigrations: Record<string, Migration> = {
  '2026-12-01-message-log': first,
  '2026-12-02-message-log-search-time': searchTime,
  '2026-12-03-message-log-cosignatures': cosignatures,
  '2026-12-10-message-log-retention': retention,
  '2026-12-11-message-log-traffic': traffic,
  '2026-12-12-message-log-evidence-records': evidenceRecords,
  '2026-12-13-message-log-subjects': subjects,
  '2026-12-14-message-log-secrecy': secrecy,
  '2026-12-15-message-log-subject-months': subjectMonths,
  '2026-12-16-message-log-subject-totals': subjectTotals,
  '2026-12-17-message-log-daily-counts': dailyCounts,
  '2026-12-18-message-log-partitions': partitions,
  '2026-12-19-message-log-circumstances': circumstances,
  '2026-12-20-message-log-search-terms': searchTerms,
  '2026-12-21-message-log-actors': actors,
}
