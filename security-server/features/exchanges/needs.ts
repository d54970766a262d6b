/** The parts of the server that this feature uses. */

import type { ApiKeys } from '#platform/api-keys/create-api-keys.ts'
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Clock } from '#platform/clock.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import type { OwnWitnesses } from '#platform/witness/own-witnesses.ts'
import type { ServerId } from '#schemas/identifiers.ts'
import type { GlobalConfiguration } from '../../global-configuration/global-configuration.ts'
import type { Keys } from '../../keys/keys.ts'
import type { MessageLog } from '../../message-log/message-log.ts'
import type { ReadableLog } from '../../reading/readable-log.ts'

export type Needs = {
  server: ServerId
  clock: Clock
  keys: Keys
  globalConfiguration: GlobalConfiguration
  audit: AuditLog
  apiKeys: Pick<ApiKeys, 'find'>
  messageLog: Pick<MessageLog, 'timeStampNow' | 'checkpointNow' | 'treeHead' | 'logKeys' | 'rotateLogKey'>
  /** The log's records that this caller may see. */
  logFor(caller: Pick<Caller, 'roles'>): ReadableLog
  contentRequests: {
    isRequired: boolean
    /** Throws `content_not_granted` if a second auditor is needed and none has granted the request. */
    check(q: { target: string; case: string; caller: Caller }): Promise<void>
    /** `targetOf` returns the name of the requested content. It throws when the caller may not request it. */
    register(kind: 'index', targetOf: (index: number, caller: Caller) => Promise<string>): void
  }
  witnessRoom: { witnesses: Pick<OwnWitnesses, 'submit' | 'witnessed'> | undefined }
}
