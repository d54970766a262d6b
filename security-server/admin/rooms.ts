/** What the management API works with; main.ts hands it in. */
import type { ApiKeys } from '#platform/api-keys/create-api-keys.ts'
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Clock } from '#platform/clock.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import type { Jobs } from '#platform/jobs/create-jobs.ts'
import type { ServerId } from '#schemas/identifiers.ts'
import type { Contracts } from '../global-configuration/contracts/contracts.ts'
import type { GlobalConfiguration } from '../global-configuration/global-configuration.ts'
import type { Keys } from '../keys/keys.ts'
import type { LocalSystems } from '../local-systems/local-systems.ts'
import type { MessageLog } from '../message-log/message-log.ts'
import type { FetchDocument } from './client.ts'
import type { RegistrationClient } from './requests/client.ts'

/** The part of the log that people may use. */
export type AdminLog = Pick<
  MessageLog,
  | 'list'
  | 'read'
  | 'proof'
  | 'stampProof'
  | 'evidenceRecord'
  | 'container'
  | 'erase'
  | 'size'
  | 'treeHead'
  | 'oldestUnstamped'
  | 'checkUsable'
  | 'checkpointNow'
  | 'timeStampNow'
> & {
  /** Verifies the whole log; refused as `service_unavailable` where main.ts hands none in. */
  verify?(): Promise<unknown>
}

export type AdminRooms = {
  server: ServerId
  clock: Clock
  keys: Keys
  globalConfiguration: GlobalConfiguration
  contracts: Contracts
  localSystems: LocalSystems
  messageLog: AdminLog
  jobs: Pick<Jobs, 'state'>
  apiKeys: ApiKeys
  audit: AuditLog
  fetchDocument: FetchDocument
  registration: RegistrationClient
}

export type Handlers = Record<string, OperationHandler>
