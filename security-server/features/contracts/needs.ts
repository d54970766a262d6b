/** The parts of the server that this feature uses. */
import type { ApiKeys } from '#platform/api-keys/create-api-keys.ts'
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Clock } from '#platform/clock.ts'
import type { PeopleStore } from '#platform/people/store.ts'
import type { ServerId } from '#schemas/identifiers.ts'
import type { Contracts } from '../../global-configuration/contracts/contracts.ts'
import type { Keys } from '../../keys/keys.ts'
import type { LocalSystems } from '../../local-systems/local-systems.ts'

export type Needs = {
  server: ServerId
  clock: Clock
  audit: Pick<AuditLog, 'before'>
  keys: Keys
  contracts: Contracts
  localSystems: LocalSystems
  apiKeys: ApiKeys
  people: PeopleStore
  /**
   * Today's calls of a contract by all nodes of this server (UTC): those that passed, and those beyond the
   * quota.
   */
  quotaUseToday(contract: string): Promise<{ day: string; used: number; refused: number }>
}
