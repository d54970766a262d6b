/** The room's own wiring: stores, handlers of both APIs, and what its jobs do; registry.ts hands in what it stands on. */
import type { Clock } from '#platform/clock.ts'
import type { Database } from '#platform/database/open-database.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { Metrics } from '#platform/metrics/create-metrics.ts'
import type { Change } from '../../changes/store.ts'
import type { SignDocument } from '../../configuration/signing-keys/sign-document.ts'
import { approvedNow } from '../../documents/approved-now.ts'
import type { MemberStore } from '../../members/store.ts'
import type { TrustStore } from '../../trust/store.ts'
import { createCallStore } from './calls-store.ts'
import { createCampaignFacts } from './campaign-store.ts'
import { createProbe } from './client.ts'
import { type FleetIntakeRooms, fleetIntakeHandlers } from './intake.ts'
import { createOutageStore } from './outages-store.ts'
import { createProbing } from './probing.ts'
import { fleetHandlers } from './routes.ts'
import { createFleetStore, type FleetStore } from './store.ts'
import type { Tables } from './tables.ts'

/** The kinds of its jobs, which look again and again whose turn it is. */
export const PROBE_SERVERS = 'probe-servers'
export const NOTICE_SILENCE = 'notice-silent-servers'
export const FLEET_JOB_SECONDS = 30

type Fleet = {
  handlers: Record<string, OperationHandler>
  /** Of the registration API; `count` hears of each document. */
  intake(count: FleetIntakeRooms['count']): Record<string, OperationHandler>
  probeDue(signal: AbortSignal): Promise<void>
  noticeSilence(): Promise<void>
  reportedIndexes: FleetStore['reportedIndexes']
}

export function openFleet(q: {
  database: Database
  record: Change<Tables>
  metrics: Metrics
  members: Pick<MemberStore, 'parameters'>
  trust: TrustStore
  ocspFreshnessSeconds: number
  signDocument: SignDocument
  probeSeconds: number
  /** Whether servers may lie on this very machine. */
  onLoopback: boolean
  clock: Clock
  log: Log
}): Fleet {
  const { database, clock } = q
  const store = createFleetStore(database)
  const outages = createOutageStore(database, q.record)
  const calls = createCallStore(database)
  const probing = createProbing({
    ...{ store, clock, log: q.log, everySeconds: q.probeSeconds },
    probe: createProbe({ onLoopback: q.onLoopback }),
  })
  q.metrics.watch(
    'concordat_fleet_troubles',
    'Security servers by what is wrong with them',
    'kind',
    async () => [...(await store.countTroubles())],
  )
  return {
    handlers: fleetHandlers({
      ...{ store, outages, members: q.members, clock },
      campaignFacts: createCampaignFacts(database),
      approved: () => approvedNow(q),
      probeNow: probing.now,
    }),
    intake: (count) => fleetIntakeHandlers({ ...q, store, outages, calls, count }),
    probeDue: probing.due,
    reportedIndexes: store.reportedIndexes,
    noticeSilence: async () => {
      await store.noticeSilence(clock())
      await calls.prune(clock())
    },
  }
}
