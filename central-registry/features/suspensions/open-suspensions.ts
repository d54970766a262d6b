/** The room's own wiring: rows, the signed list, who is told, what health and metrics say; registry.ts hands in what it stands on. */
import path from 'node:path'
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Clock } from '#platform/clock.ts'
import type { Database } from '#platform/database/open-database.ts'
import type { Health } from '#platform/health/create-health.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import type { JobHandler, Jobs } from '#platform/jobs/create-jobs.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { Metrics } from '#platform/metrics/create-metrics.ts'
import { createChange } from '../../changes/store.ts'
import { createHighWater } from '../../configuration/high-water.ts'
import type { PrivateKeys } from '../../configuration/signing-keys/private-keys.ts'
import type { SuspendableContracts } from '../../contract-versions/suspendable.ts'
import type { MemberStore } from '../../members/store.ts'
import type { PostNotice } from '../../members/webhooks/client.ts'
import { createEscalation } from './escalate.ts'
import { createSuspensionPolicyStore } from './policy-store.ts'
import {
  announceSuspensions,
  createSuspensionListPublisher,
  type SuspensionListPublisher,
} from './publish-list.ts'
import { suspensionHandlers } from './routes.ts'
import { describe, mayConfirm } from './rules.ts'
import { createSuspensionStore, type SuspensionStore, type TellOfSuspension } from './store.ts'
import { watchSuspensions } from './watch.ts'

export type Suspensions = {
  store: SuspensionStore
  list: SuspensionListPublisher
  escalate: JobHandler
  handlers: Record<string, OperationHandler>
  /** The newest suspension of a contract as this caller sees it. */
  ofContract(contract: string, caller: Caller): Promise<object | undefined>
}

export function openSuspensions(q: {
  database: Database
  directory: string
  jobs: Pick<Jobs, 'enqueue'>
  contracts: SuspendableContracts
  /** Tells those whom it concerns by e-mail, within the transaction. */
  tell: TellOfSuspension | undefined
  /** Notes in this node's folder who is suspended and what is trusted by now. */
  remember(): Promise<void>
  members: Pick<MemberStore, 'parameters'>
  privateKeys: Pick<PrivateKeys, 'open' | 'ready'>
  suspensionListSeconds: number
  fourEyes(): Promise<boolean>
  makerOf(key: string): Promise<string | null>
  audit: Pick<AuditLog, 'before'>
  post: PostNotice
  webhook: string | undefined
  health: Pick<Health, 'add'>
  metrics: Pick<Metrics, 'watch'>
  clock: Clock
  log: Log
}): Suspensions {
  const { database, clock } = q
  const highWater = createHighWater(path.join(q.directory, 'highest-suspension-list'))
  const { contracts, tell = async () => undefined } = q
  const change = createChange(database, announceSuspensions(q.jobs))
  const store = createSuspensionStore(database, change, { contracts, tell })
  const policy = createSuspensionPolicyStore(
    database,
    createChange(database, async () => undefined),
  )
  watchSuspensions({ ...q, store })
  return {
    store,
    list: createSuspensionListPublisher({ ...q, store, highWater, now: () => new Date(clock()) }),
    escalate: createEscalation({ ...q, store }),
    handlers: suspensionHandlers({ ...q, store, policy }),
    async ofContract(contract, caller) {
      const row = await store.ofContract(contract)
      return row === undefined ? undefined : describe(row, mayConfirm(row, caller, await q.fourEyes()))
    },
  }
}
