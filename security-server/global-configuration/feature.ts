/**
 * The jobs and checks of the configuration in a running server: it is fetched again and again, suspensions
 * take effect, health checks report its age.
 */
import type { FeatureModule } from '#platform/feature.ts'
import { lookApart } from '#platform/jobs/looks.ts'
import type { Services } from '#platform/services.ts'
import type { Contracts } from './contracts/contracts.ts'
import { serverContractMigrations } from './contracts/migrations.ts'
import {
  configurationFinding,
  graceNow,
  registryFinding,
  suspensionListFinding,
  watchRegistry,
} from './findings.ts'
import type { GlobalConfiguration } from './global-configuration.ts'

type Ground = Pick<Services, 'clock' | 'metrics'> & {
  globalConfiguration: GlobalConfiguration
  contracts: Pick<Contracts, 'refreshWhenDue' | 'isRefreshDue' | 'view' | 'isSuspended'>
}

/** With the second that a look may come late: five. */
const CONTRACTS_LOOK_MS = 4_000

export const configuration: FeatureModule<Ground> = {
  name: 'global-configuration',
  migrations: serverContractMigrations,
  open: ({ clock, metrics, globalConfiguration, contracts }) => {
    const { state } = globalConfiguration
    watchRegistry(metrics, { state, clock })
    return {
      jobs: [
        {
          ...{ kind: 'refresh-configuration', everySeconds: 30, onEachNode: true },
          run: () => globalConfiguration.refreshOwn(),
        },
        // A suspension must take effect within a minute: the registry signs it within seconds, and one
        // attempt may fail.
        {
          ...{ kind: 'refresh-suspensions', everySeconds: 20, onEachNode: true },
          run: () => globalConfiguration.refreshSuspensions(),
        },
        // Looked at often, so that a failed attempt is soon repeated.
        {
          ...{ kind: 'refresh-contracts', everySeconds: 30, onEachNode: true },
          isDue: lookApart(CONTRACTS_LOOK_MS, clock, contracts.isRefreshDue),
          run: () => contracts.refreshWhenDue(),
        },
      ],
      health: {
        configuration: () => configurationFinding({ globalConfiguration, contracts }),
        'suspension-list': () =>
          suspensionListFinding(state(), clock(), graceNow({ globalConfiguration, contracts })),
        registry: () => registryFinding(state()),
      },
    }
  },
}
