/** The parts of the server that this feature uses. */
import type { ApiKeys } from '#platform/api-keys/create-api-keys.ts'
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Clock } from '#platform/clock.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import type { Jobs } from '#platform/jobs/create-jobs.ts'
import type { SubjectMonths, SubjectSearch } from '#schemas/subject-keys.ts'
import type { MessageLog } from '../../message-log/message-log.ts'
import type { ReadableLog } from '../../reading/readable-log.ts'
import type { PlacesStore } from './log/places-store.ts'
import type { SubjectLog } from './log/subject-log.ts'
import type { SubjectSearchStore } from './store.ts'

/** Searches by person. `keys` is undefined if no key holder is configured. */
type Subjects = {
  places: PlacesStore
  searches: SubjectSearchStore
  /** Which records the index by person has processed. */
  log: Pick<SubjectLog, 'coverage' | 'looked'>
  keys:
    | {
        evaluateSearch(search: SubjectSearch): Promise<SubjectMonths>
        state(): Promise<{
          months: { month: string; createdAt: string | null; destroyedAt: string | null }[]
          oldestKept: string
          mark: number
        }>
      }
    | undefined
}

export type Needs = {
  clock: Clock
  audit: AuditLog
  apiKeys: Pick<ApiKeys, 'find'>
  jobs: Pick<Jobs, 'state'>
  messageLog: Pick<MessageLog, 'size'>
  logFor(caller: Pick<Caller, 'roles'>): ReadableLog
  contentRequests: {
    check(q: { target: string; case: string; caller: Caller }): Promise<void>
    register(
      kind: 'searchId',
      targetOf: (id: string, caller: Caller, q: { case: string }) => Promise<string>,
    ): void
  }
  subjects: Subjects
}
