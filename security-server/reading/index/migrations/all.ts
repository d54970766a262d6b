/** The migrations of the index in the log's database. Names never change; new ones are added at the end. */
import type { Migration } from 'kysely/migration'
import { actors } from './actors.ts'
import { latency } from './latency.ts'
import { searchTerms } from './search-terms.ts'
import { searchTime } from './search-time.ts'
import { secrecy } from './secrecy.ts'
import { traffic } from './traffic.ts'

export const indexMigrations: Record<string, Migration> = {
  '2026-12-02-message-log-search-time': searchTime,
  '2026-12-11-message-log-traffic': traffic,
  '2026-12-14-message-log-secrecy': secrecy,
  '2026-12-20-message-log-search-terms': searchTerms,
  '2026-12-21-message-log-actors': actors,
  '2026-12-22-message-log-latency': latency,
}
