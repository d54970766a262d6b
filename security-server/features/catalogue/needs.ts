/** The parts of the server that this feature uses. */
import type { Clock } from '#platform/clock.ts'
import type { ServerId } from '#schemas/identifiers.ts'
import type { Contracts } from '../../global-configuration/contracts/contracts.ts'
import type { GlobalConfiguration } from '../../global-configuration/global-configuration.ts'
import type { PostDocument } from '../../global-configuration/registration/client.ts'
import type { Keys } from '../../keys/keys.ts'
import type { LocalSystems } from '../../local-systems/local-systems.ts'

export type Needs = {
  server: ServerId
  clock: Clock
  keys: Pick<Keys, 'signJson'>
  globalConfiguration: Pick<GlobalConfiguration, 'current'>
  contracts: Pick<Contracts, 'view'>
  localSystems: Pick<LocalSystems, 'view'>
  post: PostDocument
}
