/** Security servers, their certificates and their clients. */
import type { FeatureModule } from '#platform/feature.ts'
import { serverHandlers } from './routes.ts'
import type { ServerStore } from './store.ts'

type Ground = Omit<Parameters<typeof serverHandlers>[0], 'store'> & { servers: ServerStore }

export const servers: FeatureModule<Ground> = {
  name: 'servers',
  open: ({ servers: store, members, approved, clock }) => ({
    operations: serverHandlers({ store, members, approved, clock }),
  }),
}
