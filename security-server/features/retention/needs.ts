/** What the feature needs of the server. */
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
  /** When the content of a record was erased (null: it was not, or there is none), and what the erasures of it say. */
  erasuresOf(index: number): Promise<{ goneAt: string | null; said: Record<string, string>[] }>
}
