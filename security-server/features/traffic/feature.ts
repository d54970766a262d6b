/** How many exchanges there were, and what waits for the people who look after the log. */
import type { FeatureModule } from '#platform/feature.ts'
import { byServiceHandlers } from './by-service.ts'
import { trafficHandlers } from './handlers.ts'
import type { Needs } from './needs.ts'

export const traffic: FeatureModule<Needs> = {
  name: 'traffic',
  open: (ground) => ({
    operations: { ...trafficHandlers(ground), ...byServiceHandlers(ground) },
  }),
}
