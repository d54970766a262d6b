/** Trust: certification services with their profiles, and time-stamping services. */
import type { Clock } from '#platform/clock.ts'
import type { FeatureModule } from '#platform/feature.ts'
import { trustHandlers } from './routes.ts'
import type { TrustStore } from './store.ts'

export const trust: FeatureModule<{ trust: TrustStore; clock: Clock }> = {
  name: 'trust',
  open: ({ trust: store, clock }) => ({ operations: trustHandlers({ store, clock }) }),
}
