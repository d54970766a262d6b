/**
 * Keeps a register that was restored from a backup closed until two administrators have accepted what it has
 * lost.
 */
import type { FeatureModule } from '#platform/feature.ts'
import type { Services } from '#platform/services.ts'
import type { Change } from '../../changes/store.ts'
import { createAccessStore } from './access-store.ts'
import { openRestoredRegister, type RestoredRegister } from './restored-register.ts'
import { restorationHandlers } from './routes.ts'
import type { RemoveAnchor } from './standing-store.ts'
import { createRestorationStore, type SuspendAgain } from './store.ts'

type Ground = Pick<Services, 'database' | 'audit' | 'clock' | 'log'> &
  Pick<
    Parameters<typeof openRestoredRegister>[0],
    'keys' | 'privateKeys' | 'fourEyes' | 'memory' | 'reportedIndexes'
  > & {
    /** Asks for a publication and a suspension list: the acceptance may change the key that signs both. */
    changeKeys: Change
    settings: {
      directory: string
      configuration: { otherUrls?: readonly string[] | undefined }
      login?: object | undefined
    }
    suspensions: { store: SuspendAgain }
    federation: { removeAnchor: RemoveAnchor }
  }

export const restorations: FeatureModule<Ground, { restoration: RestoredRegister }> = {
  name: 'restorations',
  open: (ground) => {
    const { database, settings, suspensions, federation, audit, clock } = ground
    const store = createRestorationStore(database, ground.changeKeys, {
      suspendAgain: suspensions.store.suspendAgain,
      removeAnchor: federation.removeAnchor,
    })
    const restoration = openRestoredRegister({
      ...{ ...ground, store, access: createAccessStore(database) },
      ...{ directory: settings.directory, otherUrls: settings.configuration.otherUrls ?? [] },
      hasLogin: settings.login !== undefined,
    })
    return {
      operations: restorationHandlers({ store, waiting: restoration.waiting, audit, clock }),
      offers: { restoration },
    }
  },
}
