/** The parts of the server whose state this feature shows. */
import type { ApiKeys } from '#platform/api-keys/create-api-keys.ts'
import type { Clock } from '#platform/clock.ts'
import type { Finding } from '#platform/health/create-health.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import type { Jobs } from '#platform/jobs/create-jobs.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { Fault } from '#schemas/fault.ts'
import type { Outage } from '#schemas/fleet.ts'
import type { ServerId } from '#schemas/identifiers.ts'
import type { Contracts } from '../../global-configuration/contracts/contracts.ts'
import type { GlobalConfiguration } from '../../global-configuration/global-configuration.ts'
import type { Keys } from '../../keys/keys.ts'
import type { OwnListener } from '../../local-systems/check-address.ts'
import type { LocalService, LocalSystems } from '../../local-systems/local-systems.ts'
import type { MessageLog } from '../../message-log/message-log.ts'
import type { ReadableLog } from '../../reading/readable-log.ts'
import type { ShownSettings } from './shown-settings.ts'

export type Needs = {
  server: ServerId
  clock: Clock
  keys: Keys
  globalConfiguration: GlobalConfiguration
  contracts: Contracts
  localSystems: LocalSystems
  messageLog: Pick<MessageLog, 'oldestUnstamped' | 'checkUsable' | 'size'>
  logFor(caller: Pick<Caller, 'roles'>): Pick<ReadableLog, 'traffic'>
  log: Log
  apiKeys: Pick<ApiKeys, 'ending'>
  jobs: Pick<Jobs, 'state'>
  /**
   * `reach` opens a connection without sending a message. `troubles` lists the servers to which the latest
   * connection failed.
   */
  peerClient: {
    reach(server: ServerId): Promise<void>
    troubles(): { server: ServerId; at: number; fault: Fault }[]
  }
  settings: ShownSettings & { directory: string }
  /** Where no service may lead. */
  ownListeners: readonly OwnListener[]
  serviceClient: { reach(service: LocalService): Promise<void> }
  reconciliation: { cases: { open(): Promise<{ cases: number; unanswered: number }> } }
  /** Undefined if no witness is configured. */
  witnessRoom: { witnesses: { health(): Finding } | undefined }
  verifications: { health(): Promise<Finding> }
  /** What the registry reported. Empty if the registry does not accept reports. */
  registryReports: { outages(): Outage[]; clockErrorMs(): number | undefined }
}
