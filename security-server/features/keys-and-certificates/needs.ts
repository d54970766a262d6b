/** The parts of the server that this feature uses. */

import type { ServerId } from '#schemas/identifiers.ts'
import type { GlobalConfiguration } from '../../global-configuration/global-configuration.ts'
import type { Keys } from '../../keys/keys.ts'
import type { LocalSystems } from '../../local-systems/local-systems.ts'

export type Needs = {
  server: ServerId
  keys: Keys
  globalConfiguration: GlobalConfiguration
  localSystems: Pick<LocalSystems, 'view'>
}
