/**
 * Service contracts of this server's clients: finds them, proposes them, lets two people agree, and ends
 * them.
 */
import type { FeatureModule } from '#platform/feature.ts'
import { contractHandlers } from './contract-handlers.ts'
import type { Needs } from './needs.ts'

export const contracts: FeatureModule<Needs> = {
  name: 'contracts',
  open: (ground) => ({ operations: contractHandlers(ground) }),
}
