/** The room's own wiring: store, handlers of both APIs, and the figure of what is overdue; registry.ts hands in what it stands on. */
import type { Clock } from '#platform/clock.ts'
import type { Database } from '#platform/database/open-database.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import type { Metrics } from '#platform/metrics/create-metrics.ts'
import type { Change } from '../../changes/store.ts'
import type { SignDocument } from '../../configuration/signing-keys/sign-document.ts'
import type { MemberStore } from '../../members/store.ts'
import type { TrustStore } from '../../trust/store.ts'
import { type AuditIntakeRooms, auditIntakeHandlers } from './intake.ts'
import { type AuditAuthoritySettings, auditOrderHandlers } from './routes.ts'
import { createAuditOrderStore } from './store.ts'
import type { Tables } from './tables.ts'

type AuditOrders = {
  handlers: Record<string, OperationHandler>
  /** Of the registration API; `count` hears of each document. */
  intake(count: AuditIntakeRooms['count']): Record<string, OperationHandler>
}

export function openAuditOrders(q: {
  database: Database
  record: Change<Tables>
  metrics: Metrics
  members: Pick<MemberStore, 'parameters'>
  trust: TrustStore
  ocspFreshnessSeconds: number
  signDocument: SignDocument
  authorities: AuditAuthoritySettings
  clock: Clock
}): AuditOrders {
  const store = createAuditOrderStore(q.database, q.record)
  q.metrics.watch(
    'concordat_audit_orders_overdue',
    'Audit orders whose deadline is over and which a server has not answered, or refused only then',
    'state',
    async () => [['overdue', await store.countOverdue(new Date(q.clock()).toISOString())]],
  )
  return {
    handlers: auditOrderHandlers({ ...q, store }),
    intake: (count) => auditIntakeHandlers({ ...q, store, count }),
  }
}
