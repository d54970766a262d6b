/** The parts of the server that this feature uses. */
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Clock } from '#platform/clock.ts'
import type { Finding } from '#platform/health/create-health.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import type { ServerId } from '#schemas/identifiers.ts'
import type { MessageLog } from '../../message-log/message-log.ts'
import type { ReadableLog } from '../../reading/readable-log.ts'

export type Needs = {
  server: ServerId
  clock: Clock
  audit: AuditLog
  messageLog: Pick<
    MessageLog,
    'checkpoints' | 'treeHead' | 'size' | 'oldestUnstamped' | 'witnesses' | 'checkUsable'
  >
  logFor(caller: Pick<Caller, 'roles'>): ReadableLog
  reconciliation: { cases: { open(): Promise<{ cases: number }> } }
  verifications: { health(): Promise<Finding> }
  auditOrders: { waitingFor(caller: Caller): Promise<{ waiting: number; overdue: number }> }
  contentRequests: {
    store: { list(q: { state: 'waiting'; offset: number; limit: number }): Promise<ContentRequest[]> }
    isVoid(request: ContentRequest): boolean
  }
}

type ContentRequest = { asked_by: string; asked_at: string; state: string }
