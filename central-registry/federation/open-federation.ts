/** The room's own wiring: store, handlers, views, and what its job does; registry.ts hands in what it stands on. */
import type { Clock } from '#platform/clock.ts'
import type { Database } from '#platform/database/open-database.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { Metrics } from '#platform/metrics/create-metrics.ts'
import { createImportClient } from '../imports/client.ts'
import type { MemberStore } from '../members/store.ts'
import type { Change } from '../store.ts'
import { createFollow } from './follow.ts'
import { federationHandlers } from './routes.ts'
import { createFederationStore } from './store.ts'
import { createFederatedViews, type FederatedViews } from './views.ts'

export const FOLLOW_FEDERATION = 'follow-federation'
export const FOLLOW_SECONDS = 20

export type Federation = {
  handlers: Record<string, OperationHandler>
  views: FederatedViews
  follow(): Promise<void>
}

export function openFederation(q: {
  database: Database
  change: Change
  record: Change
  members: Pick<MemberStore, 'parameters'>
  metrics: Metrics
  clock: Clock
  log: Log
}): Federation {
  const client = createImportClient()
  const store = createFederationStore(q.database, q.change, q.record)
  const read = createFollow({ ...q, store, client })
  let unreadable = 0
  q.metrics.watch(
    'concordat_federated_instances_unreadable',
    'Trusted instances of which no valid configuration is known',
    () => unreadable,
  )
  const follow = async (): Promise<void> => {
    await read()
    const [trusted, known] = [await store.trusted(), await store.configurations()]
    const valid = known.filter(({ expires_at }) => Date.parse(expires_at ?? '') > q.clock())
    unreadable = trusted.length - valid.length
  }
  return {
    handlers: federationHandlers({ ...q, store, client, follow }),
    views: createFederatedViews({ store, clock: q.clock }),
    follow,
  }
}
