/** People of this server look through the registry's catalogue of services. */
import type { FeatureModule } from '#platform/feature.ts'
import { catalogueHandlers } from './handlers.ts'
import type { Needs } from './needs.ts'

export const catalogue: FeatureModule<Needs> = {
  name: 'catalogue',
  open: (ground) => ({ operations: catalogueHandlers(ground) }),
}
