/** The parts of the server that this feature uses. */
import type { ApiKeys } from '#platform/api-keys/create-api-keys.ts'
import type { Clock } from '#platform/clock.ts'
import type { PeopleStore } from '#platform/people/store.ts'
import type { ServerId } from '#schemas/identifiers.ts'
import type { GlobalConfiguration } from '../../global-configuration/global-configuration.ts'
import type { Keys } from '../../keys/keys.ts'
import type { AuditOrders } from './create-audit-orders.ts'

export type Needs = {
  server: ServerId
  clock: Clock
  keys: Keys
  globalConfiguration: GlobalConfiguration
  apiKeys: ApiKeys
  people: Pick<PeopleStore, 'find'>
  contentRequests: { isRequired: boolean }
  auditOrders: AuditOrders
}
