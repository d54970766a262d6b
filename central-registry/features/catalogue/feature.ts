/**
 * The catalogue of services: collects from providers' servers how they describe their services, and tells
 * security servers of them.
 */
import type { FeatureModule } from '#platform/feature.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import type { Services } from '#platform/services.ts'
import type { Change } from '../../changes/store.ts'
import type { SignDocument } from '../../configuration/signing-keys/sign-document.ts'
import type { CountDocument } from '../../documents/count.ts'
import type { MemberStore } from '../../members/store.ts'
import type { TrustStore } from '../../trust/store.ts'
import { catalogueAnswers } from './answer-servers.ts'
import { createAudienceStore } from './audience-store.ts'
import { createCollector } from './client.ts'
import { type CatalogueSettings, createCollecting } from './collect.ts'
import { catalogueMigrations } from './migrations.ts'
import { catalogueHandlers } from './routes.ts'
import { type CatalogueStore, createCatalogueStore } from './store.ts'
import type { Tables } from './tables.ts'

type Ground = Pick<Services, 'database' | 'clock' | 'log'> & {
  record: Change<Tables>
  members: Pick<MemberStore, 'parameters'>
  trust: TrustStore
  ocspFreshnessSeconds: number
  signDocument: SignDocument
  countDocument: CountDocument
  /** Without these settings the catalogue is not collected. */
  settings: { catalogue?: CatalogueSettings | undefined }
}

type Offers = {
  catalogue: Pick<CatalogueStore, 'openOf' | 'list' | 'count'>
  /** Handlers of the registration API. */
  catalogueRegistrations: Record<string, OperationHandler>
}

export const catalogue: FeatureModule<Ground, Offers> = {
  name: 'catalogue',
  migrations: catalogueMigrations,
  open: (ground) => {
    const { catalogue: settings } = ground.settings
    const store = createCatalogueStore(ground.database, ground.record)
    const collector = settings === undefined ? undefined : createCollector(settings)
    const collect =
      settings === undefined || collector === undefined
        ? undefined
        : createCollecting({ ...ground, store, collector, everyMinutes: settings.everyMinutes })
    return {
      operations: catalogueHandlers({ ...ground, store, collect }),
      // Looks every half minute for subsystems that are due.
      jobs: [{ kind: 'collect-catalogue', everySeconds: 30, run: async ({ signal }) => collect?.(signal) }],
      close: async () => collector?.close(),
      offers: {
        catalogue: store,
        catalogueRegistrations: catalogueAnswers({
          ...ground,
          audiences: createAudienceStore(ground.database, ground.record),
          count: (outcome) => ground.countDocument('catalogue', outcome),
        }),
      },
    }
  },
}
