/** What the feature needs of the server. */
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Clock } from '#platform/clock.ts'
import type { Caller } from '#platform/http-service/caller.ts'
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
  messageLog: Pick<MessageLog, 'timeStampNow' | 'checkpointNow' | 'treeHead' | 'logKeys' | 'rotateLogKey'>
  /** The log's records, as this caller may see them. */
  logFor(caller: Pick<Caller, 'roles'>): ReadableLog
  contentRequests: {
    isRequired: boolean
    /** Throws `content_not_granted` unless nobody has to agree, or somebody has. */
    check(q: { target: string; case: string; caller: Caller }): Promise<void>
    /** Names what a request of this kind is about; it throws where the caller may not ask for it. */
    register(kind: 'index', targetOf: (index: number, caller: Caller) => Promise<string>): void
  }
  witnessRoom: { witnesses: { submit(): Promise<void>; witnessed(): unknown } | undefined }
}
