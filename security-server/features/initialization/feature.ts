/** The first start of a server: the anchor, and what is still to be done. */
import type { FeatureModule } from '#platform/feature.ts'
import { initializationHandlers } from './handlers.ts'
import type { Needs } from './needs.ts'

export const initialization: FeatureModule<Needs> = {
  name: 'initialization',
  open: (ground) => ({ operations: initializationHandlers(ground) }),
}
