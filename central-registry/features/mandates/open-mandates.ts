/** The room's own wiring: store, handlers, and what its jobs do; registry.ts hands in what it stands on. */
import type { Clock } from '#platform/clock.ts'
import type { Database } from '#platform/database/open-database.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import type { JobHandler, Jobs } from '#platform/jobs/create-jobs.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { Change } from '../../changes/store.ts'
import type { MemberStore } from '../../members/store.ts'
import type { PostNotice } from '../../members/webhooks/client.ts'
import type { WebhookStore } from '../../members/webhooks/store.ts'
import { announceMandate, createMandateNotifier } from './notices.ts'
import { mandateHandlers } from './routes.ts'
import { createMandateStore } from './store.ts'
import type { Tables } from './tables.ts'

type Mandates = {
  handlers: Record<string, OperationHandler>
  notify: JobHandler
  settle(): Promise<void>
}

export function openMandates(q: {
  database: Database
  record: Change<Tables>
  jobs: Pick<Jobs, 'enqueue'>
  webhooks: Pick<WebhookStore, 'urlOf'>
  post: PostNotice
  members: Pick<MemberStore, 'parameters'>
  clock: Clock
  log: Log
}): Mandates {
  const store = createMandateStore(q.database, q.record, announceMandate(q.jobs, q.clock))
  return {
    handlers: mandateHandlers({ store, members: q.members, clock: q.clock }),
    notify: createMandateNotifier(q),
    settle: () => store.settle(new Date(q.clock()).toISOString()),
  }
}
