/** The parts of the server that this feature uses. */
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Clock } from '#platform/clock.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import type { Jobs } from '#platform/jobs/create-jobs.ts'
import type { ServerId } from '#schemas/identifiers.ts'
import type { GlobalConfiguration } from '../../global-configuration/global-configuration.ts'
import type { Keys } from '../../keys/keys.ts'
import type { RecordFilter } from '../../reading/index/search-filter.ts'
import type { ReadableLog } from '../../reading/readable-log.ts'
import type { RecordExports } from './create-exports.ts'

/** A search by person that the caller ordered and whose results they may see now. */
export type GrantedSearch = { id: string; case_number: string; reason: string; filter: RecordFilter }

export type Needs = {
  server: ServerId
  clock: Clock
  keys: Keys
  globalConfiguration: GlobalConfiguration
  audit: AuditLog
  jobs: Pick<Jobs, 'enqueue'>
  logFor(caller: Pick<Caller, 'roles'>): ReadableLog
  contentRequests: {
    check(q: { target: string; case: string; caller: Caller }): Promise<void>
    register(kind: 'exportId', targetOf: (id: string, caller: Caller) => Promise<string>): void
  }
  subjectSearches: { granted(id: string, caller: Caller): Promise<GrantedSearch> }
  exports: RecordExports
}
