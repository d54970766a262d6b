/** The parts of the server that this feature uses. */
import type { Clock } from '#platform/clock.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import type { ServerId } from '#schemas/identifiers.ts'
import type { RequestStatus } from '#schemas/management-request.ts'
import type { GlobalConfiguration } from '../../global-configuration/global-configuration.ts'
import type { Keys } from '../../keys/keys.ts'
import type { LocalSystems } from '../../local-systems/local-systems.ts'
import type { MessageLog } from '../../message-log/message-log.ts'
import type { LogReads } from '../../reading/log-reads.ts'
import type { ReadableLog } from '../../reading/readable-log.ts'

export type Needs = {
  server: ServerId
  clock: Clock
  keys: Pick<Keys, 'tokens'>
  globalConfiguration: Pick<GlobalConfiguration, 'current' | 'state'>
  localSystems: Pick<LocalSystems, 'view'>
  messageLog: Pick<MessageLog, 'oldestUnstamped'> & Pick<LogReads, 'traffic'>
  settings: { peers: { address: string } }
  logFor(caller: Pick<Caller, 'roles'>): Pick<ReadableLog, 'listSome'>
  /**
   * What this server filed with the registry. Throws when it cannot sign, and when the registry does not say.
   */
  filedRequests(): Promise<RequestStatus[]>
}
