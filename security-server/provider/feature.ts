/** The provider half of an exchange, on the listener for peers. */
import type { FeatureModule } from '#platform/feature.ts'
import type { Services } from '#platform/services.ts'
import type { Contracts } from '../global-configuration/contracts/contracts.ts'
import type { OwnListener } from '../local-systems/check-address.ts'
import { createMessageValidator } from '../local-systems/validation/validate-messages.ts'
import { createReadingBound } from '../message/being-read.ts'
import { createPeerQuota } from '../peer/peer-quota.ts'
import { type ContractQuotas, createContractQuotas } from './contract-quotas/contract-quotas.ts'
import { contractQuotaMigrations } from './contract-quotas/migrations.ts'
import { createQuotaStore } from './contract-quotas/store.ts'
import { createMandateServices } from './mandate-services/mandate-services.ts'
import type { MandateServiceSettings } from './mandate-services/settings.ts'
import type { ProviderRooms } from './rooms.ts'
import { providerRoutes } from './routes.ts'
import { createServicePlaces } from './service-places.ts'

type Place = { address: string; port: number }

type Ground = Omit<
  ProviderRooms,
  | 'quota'
  | 'beginReading'
  | 'contractQuotas'
  | 'servicePlaces'
  | 'messageValidator'
  | 'hostingMandateFor'
  | 'mandateServices'
> &
  Pick<Services, 'log' | 'database' | 'metrics'> & {
    contracts: Pick<Contracts, 'quotaOf' | 'hostingMandateFor'>
    settings: {
      mandateServices: MandateServiceSettings[]
      peers: { perSecond: number; underWay: number }
      clients: { http?: Place | undefined; https?: Place | undefined }
    }
    ownListeners: readonly OwnListener[]
    observe(half: string): (outcome: string, seconds: number) => void
    armProvider(rooms: ProviderRooms): ProviderRooms
  }

/**
 * Octets of messages whose senders are proved by their certificates alone yet: half may be of one, whose
 * large messages may come together.
 */
const MAX_BEING_READ = { inAll: 256 * 1024 * 1024, ofOne: 128 * 1024 * 1024 }

type Offers = { quotaUseToday: ContractQuotas['useToday'] }

export const provider: FeatureModule<Ground, Offers> = {
  name: 'provider',
  migrations: contractQuotaMigrations,
  open: async (ground) => {
    const { clock, metrics, server } = ground
    const { perSecond, underWay } = ground.settings.peers
    const { http, https } = ground.settings.clients
    const quota = createPeerQuota({ perSecond, burst: perSecond, underWay, clock })
    const beginReading = createReadingBound({ ...MAX_BEING_READ, what: 'messages of peers' })
    const leases = metrics.counter(
      'concordat_contract_quota_leases_total',
      'Questions to the database for calls under contracts with a quota',
    )
    const store = createQuotaStore(ground.database)
    const contractQuotas = createContractQuotas({
      ...{ store, clock, quotaOf: ground.contracts.quotaOf },
      onLease: () => leases.inc(),
    })
    const servicePlaces = createServicePlaces()
    metrics.watch(
      'concordat_service_calls_waiting',
      'Requests that wait for a place at a busy service',
      servicePlaces.waiting,
    )
    const ended = metrics.counter(
      'concordat_validation_threads_ended_total',
      'Threads that a message or a description has ended: it took too long, or too much memory',
    )
    const messageValidator = createMessageValidator({ onEnded: () => ended.inc() })
    const mandateServices = await createMandateServices({
      ...{ settings: ground.settings.mandateServices, server, clock },
      // A mandate service that is a service of X-Road is asked through this server's own listener for
      // systems.
      own: ground.ownListeners.filter(
        ({ host, port }) => ![http, https].some((one) => one?.address === host && one.port === port),
      ),
    })
    const rooms = ground.armProvider({
      ...{ ...ground, quota, beginReading, contractQuotas, servicePlaces, messageValidator, mandateServices },
      hostingMandateFor: ground.contracts.hostingMandateFor,
    })
    return {
      routes: { peers: (app) => providerRoutes(app, rooms, ground.log, ground.observe('provider')) },
      offers: { quotaUseToday: contractQuotas.useToday },
      async close() {
        await Promise.all([contractQuotas.close(), messageValidator.close(), mandateServices.close()])
      },
    }
  },
}
