/**
 * The condition of the security servers: their reports, probes of their ports, announced outages, changes of
 * certificates.
 */
import type { FeatureModule } from '#platform/feature.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import type { Services } from '#platform/services.ts'
import { isLoopback } from '#platform/sessions/settings.ts'
import type { Change } from '../../changes/store.ts'
import type { SignDocument } from '../../configuration/signing-keys/sign-document.ts'
import { approvedNow } from '../../documents/approved-now.ts'
import type { CountDocument } from '../../documents/count.ts'
import type { MemberStore } from '../../members/store.ts'
import type { TrustStore } from '../../trust/store.ts'
import { type CallStore, createCallStore } from './calls-store.ts'
import { createCampaignFacts } from './campaign-store.ts'
import { createProbe } from './client.ts'
import { fleetIntakeHandlers } from './intake.ts'
import { fleetMigrations } from './migrations.ts'
import { createOutageStore } from './outages-store.ts'
import { createProbing } from './probing.ts'
import { fleetHandlers } from './routes.ts'
import { createFleetStore, type FleetStore } from './store.ts'
import type { Tables } from './tables.ts'

/** How often its jobs look for servers that are due. */
const LOOK_SECONDS = 30

type Ground = Pick<Services, 'database' | 'metrics' | 'clock' | 'log'> & {
  record: Change<Tables>
  members: Pick<MemberStore, 'parameters'>
  trust: TrustStore
  ocspFreshnessSeconds: number
  signDocument: SignDocument
  countDocument: CountDocument
  settings: { publicUrl: string; fleet: { probeSeconds: number } }
}

type Offers = {
  /** The newest configuration index that each server has reported, the highest first. */
  reportedIndexes: FleetStore['reportedIndexes']
  reportedSigners: FleetStore['reportedSigners']
  /** The exchanges that servers reported. */
  reportedExchanges: Pick<CallStore, 'pairs' | 'reported'>
  /** Handlers of the registration API. */
  fleetRegistrations: Record<string, OperationHandler>
}

export const fleet: FeatureModule<Ground, Offers> = {
  name: 'fleet',
  migrations: fleetMigrations,
  open: (ground) => {
    const { database, settings, countDocument, clock, log } = ground
    const store = createFleetStore(database)
    const outages = createOutageStore(database, ground.record)
    const calls = createCallStore(database)
    const probing = createProbing({
      ...{ store, clock, log, everySeconds: settings.fleet.probeSeconds },
      // Servers may run on the same machine if the registry's own address is a loopback address.
      probe: createProbe({ onLoopback: isLoopback(new URL(settings.publicUrl).hostname) }),
    })
    ground.metrics.watch(
      'concordat_fleet_troubles',
      'Security servers by what is wrong with them',
      'kind',
      async () => [...(await store.countTroubles())],
    )
    return {
      operations: fleetHandlers({
        ...{ store, outages, members: ground.members, clock },
        campaignFacts: createCampaignFacts(database),
        approved: () => approvedNow(ground),
        probeNow: probing.now,
      }),
      jobs: [
        {
          ...{ kind: 'probe-servers', everySeconds: LOOK_SECONDS },
          run: ({ signal }) => probing.due(signal),
        },
        {
          ...{ kind: 'notice-silent-servers', everySeconds: LOOK_SECONDS },
          run: () => store.noticeSilence(clock()),
        },
        {
          ...{ kind: 'forget-call-counts', everySeconds: 3600, destroys: true },
          run: () => calls.prune(clock()),
        },
      ],
      offers: {
        reportedIndexes: store.reportedIndexes,
        reportedSigners: store.reportedSigners,
        reportedExchanges: calls,
        fleetRegistrations: fleetIntakeHandlers({
          ...{ ...ground, store, outages, calls },
          count: (purpose, outcome) => countDocument(`server-${purpose}`, outcome),
        }),
      },
    }
  },
}
