/** Records and exchanges of the message log for auditors: search, view, verify and download. */
import type { FeatureModule } from '#platform/feature.ts'
import { exchangeHandlers } from './exchanges.ts'
import { exchangeTarget } from './granted.ts'
import type { Needs } from './needs.ts'
import { messageLogHandlers } from './records.ts'

export const exchanges: FeatureModule<Needs> = {
  name: 'exchanges',
  open: (ground) => {
    ground.contentRequests.register('index', (index, caller) => exchangeTarget(ground.logFor(caller), index))
    return { operations: { ...messageLogHandlers(ground), ...exchangeHandlers(ground) } }
  },
}
