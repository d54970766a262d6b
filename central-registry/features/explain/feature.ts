/** Explains why one subsystem cannot call a service of another. */
import type { FeatureModule } from '#platform/feature.ts'
import { explainHandlers } from './routes.ts'

export const explain: FeatureModule<Parameters<typeof explainHandlers>[0]> = {
  name: 'explain',
  open: (ground) => ({ operations: explainHandlers(ground) }),
}
