/**
 * Clients of this server, with their services, endpoints, access rights and local groups, for administrators.
 */
import type { FeatureModule } from '#platform/feature.ts'
import type { Services } from '#platform/services.ts'
import type { Keys } from '../../keys/keys.ts'
import type { OwnListener } from '../../local-systems/check-address.ts'
import { createDocumentClient } from './client.ts'
import { clientHandlers } from './client-handlers.ts'
import { documentHandlers } from './document-handlers.ts'
import type { Needs } from './needs.ts'
import { rightHandlers } from './right-handlers.ts'
import { serviceHandlers } from './service-handlers.ts'
import { settleClients } from './settle-clients.ts'

type Ground = Omit<Needs, 'fetchDocument'> &
  Pick<Services, 'audit'> & { keys: Keys; ownListeners: readonly OwnListener[] }

export const clientsAndServices: FeatureModule<Ground> = {
  name: 'clients-and-services',
  open: (ground) => {
    const fetchDocument = createDocumentClient(ground.ownListeners, ground.keys.internalTls)
    const needs = { ...ground, fetchDocument }
    return {
      operations: {
        ...clientHandlers(needs),
        ...serviceHandlers(needs),
        ...rightHandlers(needs),
        ...documentHandlers(needs),
      },
      jobs: [settleClients(ground)],
    }
  },
}
