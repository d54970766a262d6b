/** The parts of the server that this feature uses besides the operations of the management API. */
import type { ApiKeys } from '#platform/api-keys/create-api-keys.ts'
import type { Clock } from '#platform/clock.ts'
import type { Once } from '#platform/http-service/openapi.ts'
import type { ServerId } from '#schemas/identifiers.ts'
import type { GlobalConfiguration } from '../../global-configuration/global-configuration.ts'
import type { Keys } from '../../keys/keys.ts'
import type { LocalSystems } from '../../local-systems/local-systems.ts'

export type Needs = {
  server: ServerId
  clock: Clock
  keys: Pick<Keys, 'signingIdentity'>
  apiKeys: Pick<ApiKeys, 'authenticate'>
  once: Once
  globalConfiguration: Pick<GlobalConfiguration, 'current' | 'state'>
  /** Only to find what X-Road's ids name: what is told comes from the operations. */
  localSystems: Pick<LocalSystems, 'view'>
}
