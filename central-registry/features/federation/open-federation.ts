/** The room's own wiring: store, handlers, views, and what its job does; registry.ts hands in what it stands on. */
import type { Clock } from '#platform/clock.ts'
import type { Database } from '#platform/database/open-database.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { Metrics } from '#platform/metrics/create-metrics.ts'
import type { Change } from '../../changes/store.ts'
import { createImportClient } from '../../configuration/other-instances/client.ts'
import type { MemberStore } from '../../members/store.ts'
import { createFollow } from './follow.ts'
import { federationHandlers } from './routes.ts'
import { createFederationStore } from './store.ts'
import type { Tables } from './tables.ts'
import { createFederatedViews, type FederatedViews } from './views.ts'

export const FOLLOW_FEDERATION = 'follow-federation'
/** How often the job runs, and the one that exchanges contracts: what another registry stops is stopped here within a minute. */
export const FEDERATION_SECONDS = 15

export type Federation = {
  handlers: Record<string, OperationHandler>
  views: FederatedViews
  /** DER of the keys that sign our own configuration. */
  ownCertificates(): Promise<Buffer[]>
  follow(): Promise<void>
  /** `act` follows whenever an administrator has all read at once. */
  afterReading(act: () => Promise<void>): void
}

export function openFederation(q: {
  database: Database
  change: Change<Tables>
  record: Change<Tables>
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
  const count = async (): Promise<void> => {
    const [trusted, known] = [await store.trusted(), await store.configurations()]
    const valid = known.filter(({ expires_at }) => Date.parse(expires_at ?? '') > q.clock())
    unreadable = trusted.length - valid.length
  }
  const following: (() => Promise<void>)[] = []
  const followAll = async (): Promise<void> => {
    await read.all()
    await count()
    for (const act of following) await act()
  }
  return {
    handlers: federationHandlers({ ...q, store, client, follow: followAll }),
    views: createFederatedViews({ ...q, store }),
    ownCertificates: store.ownCertificates,
    follow: async () => {
      await read.briefly()
      await count()
    },
    afterReading: (act) => {
      following.push(act)
    },
  }
}
