/** The room's own wiring: stores, handlers, what its jobs do and what its listeners take; registry.ts hands in what it stands on. */

import type { FastifyInstance } from 'fastify'
import type { Certificate } from '#core/certificate/certificate.ts'
import type { Clock } from '#platform/clock.ts'
import type { Database, Within } from '#platform/database/open-database.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import type { JobHandler, Jobs } from '#platform/jobs/create-jobs.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { Metrics } from '#platform/metrics/create-metrics.ts'
import type { Change } from '../../changes/store.ts'
import type { MemberStore } from '../../members/store.ts'
import { postNotice } from '../../members/webhooks/client.ts'
import { createWebhookStore, type WebhookStore } from '../../members/webhooks/store.ts'
import type { TrustStore } from '../../trust/store.ts'
import { createAutomaticApprovalStore } from './automatic-store.ts'
import type { HostingOf } from './facts-store.ts'
import { intakeHandlers } from './intake.ts'
import { announceDecision, createNotifier } from './notify.ts'
import { registrationRoutes } from './public-routes.ts'
import { requestHandlers } from './routes.ts'
import type { RequestRow } from './rows-store.ts'
import { createRequestStore, type RequestStore } from './store.ts'
import { manageRoutes } from './xroad/manage.ts'
import { managementServiceRoutes } from './xroad/routes.ts'

type Requests = {
  store: RequestStore
  webhooks: WebhookStore
  /** Of the management API. */
  handlers: Record<string, OperationHandler>
  notify: JobHandler
  /** One signed document that came, by what it was and `ok` or the code of its fault. */
  count(purpose: string, outcome: string): void
  /** Routes of the registration listener; `more` are operations of other rooms on it. */
  takeRegistrations(app: FastifyInstance, more: Record<string, OperationHandler>): Promise<void>
  /** Routes of the management security server's listener. */
  takeManagement(app: FastifyInstance, pinned: Certificate[]): void
}

export function openRequests(q: {
  database: Database
  record: Change
  announce: (transaction: Within) => Promise<void>
  jobs: Pick<Jobs, 'enqueue'>
  /** Tells of a decision by e-mail too, within its transaction. */
  tell: ((transaction: Within, request: RequestRow) => Promise<void>) | undefined
  hostingOf: HostingOf
  metrics: Metrics
  members: Pick<MemberStore, 'parameters'>
  trust: TrustStore
  ocspFreshnessSeconds: number
  clock: Clock
  log: Log
}): Requests {
  const { database, record, announce, members, clock } = q
  const byWebhook = announceDecision(q.jobs)
  const notify = async (transaction: Within, request: RequestRow): Promise<void> => {
    await byWebhook(transaction, request)
    await q.tell?.(transaction, request)
  }
  const store = createRequestStore({ database, record, announce, notify, hostingOf: q.hostingOf })
  const webhooks = createWebhookStore(database, record)
  const automatic = createAutomaticApprovalStore(database, record)
  const documents = q.metrics.counter(
    'concordat_registration_documents_total',
    'Signed documents by outcome',
    ['purpose', 'outcome'],
  )
  const count = (purpose: string, outcome: string): void => documents.inc({ purpose, outcome })
  const intake = { ...q, store, count }
  return {
    store,
    webhooks,
    handlers: requestHandlers({ store, automatic, webhooks, members, clock }),
    notify: createNotifier({ ...q, requests: store, webhooks, post: postNotice }),
    count,
    async takeRegistrations(app, more) {
      await registrationRoutes(app, { ...intakeHandlers(intake), ...more })
      managementServiceRoutes(app, intake)
    },
    takeManagement: (app, pinned) => manageRoutes(app, intake, pinned),
  }
}
