/** Predicts what an act would affect, before anybody does it. */
import type { FeatureModule } from '#platform/feature.ts'
import type { ActsOfFeatures } from './perform.ts'
import { consequenceHandlers } from './routes.ts'

type Ground = Omit<Parameters<typeof consequenceHandlers>[0], 'features'> & ActsOfFeatures

export const consequences: FeatureModule<Ground> = {
  name: 'consequences',
  open: (ground) => ({ operations: consequenceHandlers({ ...ground, features: ground }) }),
}
