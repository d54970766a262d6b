/** The consumer half of an exchange, on the listeners for client systems. */
import type { FeatureModule } from '#platform/feature.ts'
import type { Services } from '#platform/services.ts'
import { type ClientDoor, createClientDoor } from './client-door.ts'
import { type ContainerLog, containerRoutes } from './container-routes.ts'
import { listClientsRoute } from './list-clients.ts'
import { listTrustedIssuersRoute } from './list-trusted-issuers.ts'
import type { ConsumerRooms } from './rooms.ts'
import { consumerRoutes } from './routes.ts'
import { createSendForOperator, type SendForOperator } from './send-for-operator.ts'
import { createUsedUpQuotas } from './used-up-quotas.ts'

type Ground = Omit<
  ConsumerRooms,
  'heardTreeHead' | 'authenticationIdentity' | 'messageLog' | 'usedUpQuotas' | 'hostingMandateFor'
> &
  Pick<Services, 'log'> & {
    messageLog: ConsumerRooms['messageLog'] & ContainerLog
    keys: Pick<ConsumerRooms, 'authenticationIdentity'>
    contracts: Pick<ConsumerRooms, 'hostingMandateFor'>
    /** Counts an exchange of this half. */
    observe(half: string): (outcome: string, seconds: number) => void
    witnessRoom: { partners: { heard: ConsumerRooms['heardTreeHead'] } }
    /** Crash tests alone change something here. */
    armConsumer(rooms: ConsumerRooms): ConsumerRooms
  }

/** The way of a message for what a system has handed over, and the same questions asked early. */
type Offers = { clientDoor: ClientDoor; sendForOperator: SendForOperator }

export const consumer: FeatureModule<Ground, Offers> = {
  name: 'consumer',
  open: (ground) => {
    const { log, globalConfiguration, localSystems, messageLog } = ground
    const rooms = ground.armConsumer({
      ...ground,
      usedUpQuotas: createUsedUpQuotas(ground),
      hostingMandateFor: ground.contracts.hostingMandateFor,
      heardTreeHead: ground.witnessRoom.partners.heard,
      authenticationIdentity: ground.keys.authenticationIdentity,
    })
    return {
      offers: {
        clientDoor: createClientDoor(rooms),
        sendForOperator: createSendForOperator(rooms, log, ground.observe('consumer')),
      },
      routes: {
        clients: (app) => {
          consumerRoutes(app, rooms, log, ground.observe('consumer'))
          listClientsRoute(app, globalConfiguration, log)
          listTrustedIssuersRoute(app, globalConfiguration, log)
          containerRoutes(app, { globalConfiguration, localSystems, evidence: messageLog }, log)
        },
      },
    }
  },
}
