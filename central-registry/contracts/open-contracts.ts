/** The room's own wiring: stores, handlers of both APIs, and what its jobs do; registry.ts hands in what it stands on. */
import type { Clock } from '#platform/clock.ts'
import type { Database } from '#platform/database/open-database.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import type { JobHandler, Jobs } from '#platform/jobs/create-jobs.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { Metrics } from '#platform/metrics/create-metrics.ts'
import type { MemberStore } from '../members/store.ts'
import type { PostNotice } from '../requests/client.ts'
import type { WebhookStore } from '../requests/webhook-store.ts'
import type { Change } from '../store.ts'
import type { Suspensions } from '../suspensions/open-suspensions.ts'
import { announceSuspensions } from '../suspensions/publish-list.ts'
import type { TrustStore } from '../trust/store.ts'
import { createDistributionStore } from './distribution-store.ts'
import { type ContractIntakeRooms, contractIntakeHandlers } from './intake.ts'
import type { Notify } from './move-store.ts'
import { createNoticeStore } from './notices-store.ts'
import { createContractNotifier } from './notify.ts'
import { createContractPolicyStore } from './policy-store.ts'
import { type ContractReading, createContractReading } from './reading-store.ts'
import { contractHandlers } from './routes.ts'
import { createContractStore } from './store.ts'

/** The kind of the job that looks every minute at what time has decided. */
export const SETTLE_CONTRACTS = 'settle-contracts'

export type Contracts = {
  reading: ContractReading
  handlers: Record<string, OperationHandler>
  /** Of the registration API; `count` hears of each document. */
  intake(count: ContractIntakeRooms['count']): Record<string, OperationHandler>
  notify: JobHandler
  /** Ends what is over, then gives the notices that are due. */
  settle(): Promise<void>
}

export function openContracts(q: {
  database: Database
  record: Change
  jobs: Pick<Jobs, 'enqueue'>
  webhooks: Pick<WebhookStore, 'urlOf'>
  post: PostNotice
  notify: Notify
  metrics: Metrics
  members: Pick<MemberStore, 'parameters'>
  suspensions: Pick<Suspensions, 'store' | 'ofContract'>
  /** The person or key that made an API key. */
  makerOf(key: string): Promise<string | null>
  trust: TrustStore
  ocspFreshnessSeconds: number
  signDocument: ContractIntakeRooms['signDocument']
  clock: Clock
  log: Log
}): Contracts {
  const { database, record, notify, members, suspensions, makerOf, clock } = q
  const store = createContractStore({ record, notify, announce: announceSuspensions(q.jobs) })
  const reading = createContractReading(database)
  const distribution = createDistributionStore(database, record)
  const notices = createNoticeStore({ database, record, notify })
  const policy = createContractPolicyStore(database, record)
  let overdue = 0
  q.metrics.watch(
    'concordat_contracts_overdue',
    'Critical contracts that are in force after their end',
    () => overdue,
  )
  return {
    reading,
    handlers: contractHandlers({ store, reading, policy, members, suspensions, makerOf, clock }),
    intake: (count) => contractIntakeHandlers({ ...q, store, distribution, count }),
    notify: createContractNotifier(q),
    async settle() {
      const now = clock()
      await store.settle(new Date(now).toISOString())
      await notices.give(now)
      const found = await reading.overdue(new Date(now).toISOString())
      if (found > overdue) q.log.warn({ overdue: found }, 'critical contracts are in force after their end')
      overdue = found
    },
  }
}
