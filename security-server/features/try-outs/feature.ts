/** A service administrator tries services of others as a client of this server. */
import type { FeatureModule } from '#platform/feature.ts'
import { tryOutHandlers } from './handlers.ts'
import type { Needs } from './needs.ts'

export const tryOuts: FeatureModule<Needs> = {
  name: 'try-outs',
  open: (ground) => ({ operations: tryOutHandlers(ground) }),
}
