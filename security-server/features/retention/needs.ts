/** The parts of the server that this feature uses. */
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import type { Jobs } from '#platform/jobs/create-jobs.ts'
import type { Retention } from './retention.ts'

export type Needs = {
  retention: Retention
  jobs: Pick<Jobs, 'state'>
  audit: AuditLog
  contentRequests: {
    check(q: { target: string; case: string; caller: Caller }): Promise<void>
    register(kind: 'archiveId', targetOf: (id: number, caller: Caller) => Promise<string>): void
  }
  /**
   * `goneAt`: when the content was erased, or null if it was not erased or the record does not exist. `said`:
   * what each erasure record states.
   */
  erasuresOf(index: number): Promise<{ goneAt: string | null; said: Record<string, string>[] }>
}
