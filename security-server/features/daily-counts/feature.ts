/** For auditors: the daily counts of the message log. */
import type { FeatureModule } from '#platform/feature.ts'
import { dailyCountHandlers } from './handlers.ts'
import type { Needs } from './needs.ts'

export const dailyCounts: FeatureModule<Needs> = {
  name: 'daily-counts',
  open: (ground) => ({ operations: dailyCountHandlers(ground) }),
}
