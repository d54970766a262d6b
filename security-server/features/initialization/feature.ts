/** The first start of a server: installs the anchor and shows which steps are missing. */
import type { FeatureModule } from '#platform/feature.ts'
import { initializationHandlers } from './handlers.ts'
import type { Needs } from './needs.ts'

export const initialization: FeatureModule<Needs> = {
  name: 'initialization',
  open: (ground) => ({ operations: initializationHandlers(ground) }),
}
