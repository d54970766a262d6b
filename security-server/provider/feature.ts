/** The provider half of an exchange, on the listener for peers. */
import type { FeatureModule } from '#platform/feature.ts'
import type { Services } from '#platform/services.ts'
import { createPeerQuota } from '../peer/peer-quota.ts'
import type { ProviderRooms } from './rooms.ts'
import { providerRoutes } from './routes.ts'

type Ground = Omit<ProviderRooms, 'quota'> &
  Pick<Services, 'log'> & {
    settings: { peers: { perSecond: number; underWay: number } }
    observe(half: string): (outcome: string, seconds: number) => void
    armProvider(rooms: ProviderRooms): ProviderRooms
  }

export const provider: FeatureModule<Ground> = {
  name: 'provider',
  open: (ground) => {
    const { perSecond, underWay } = ground.settings.peers
    const quota = createPeerQuota({ perSecond, burst: perSecond, underWay, clock: ground.clock })
    const rooms = ground.armProvider({ ...ground, quota })
    return {
      routes: { peers: (app) => providerRoutes(app, rooms, ground.log, ground.observe('provider')) },
    }
  },
}
