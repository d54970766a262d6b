/**
 * Requests of members and their servers for changes of the register: filed with signatures, decided, carried
 * out, and the requester notified.
 */
import type { Certificate } from '#core/certificate/certificate.ts'
import type { Within } from '#platform/database/open-database.ts'
import type { FeatureModule } from '#platform/feature.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import type { Services } from '#platform/services.ts'
import type { Change } from '../../changes/store.ts'
import type { CountDocument } from '../../documents/count.ts'
import type { MemberStore } from '../../members/store.ts'
import { postNotice } from '../../members/webhooks/client.ts'
import type { WebhookStore } from '../../members/webhooks/store.ts'
import type { TrustStore } from '../../trust/store.ts'
import { createAutomaticApprovalStore } from './automatic-store.ts'
import type { HostingOf } from './facts-store.ts'
import { intakeHandlers } from './intake.ts'
import { announceDecision, createNotifier, NOTIFY } from './notify.ts'
import { registrationRoutes } from './public-routes.ts'
import { requestHandlers } from './routes.ts'
import type { RequestRow } from './rows-store.ts'
import { createRequestStore } from './store.ts'
import { descriptionRoute } from './xroad/description-route.ts'
import { manageRoutes } from './xroad/manage.ts'
import { managementServiceRoutes } from './xroad/routes.ts'

type Ground = Pick<Services, 'database' | 'audit' | 'jobs' | 'metrics' | 'clock' | 'log'> & {
  record: Change
  /** Asks for a publication within the transaction of a change. */
  announce: (transaction: Within) => Promise<void>
  /** Also notifies of a decision by e-mail, within its transaction. */
  letters: { request(transaction: Within, request: RequestRow): Promise<void> } | undefined
  hostingOf: HostingOf
  members: Pick<MemberStore, 'parameters'>
  trust: TrustStore
  webhooks: WebhookStore
  ocspFreshnessSeconds: number
  countDocument: CountDocument
  settings: { publicUrl: string; managementService?: { port: number } | undefined }
  /** Certificates of the management security server, which alone may forward requests in X-Road's format. */
  managementCertificates: Certificate[]
  /** Operations of other features on the registration listener. */
  contractRegistrations: Record<string, OperationHandler>
  fleetRegistrations: Record<string, OperationHandler>
  auditRegistrations: Record<string, OperationHandler>
  logRegistrations: Record<string, OperationHandler>
  catalogueRegistrations: Record<string, OperationHandler>
}

/** `countSubmitted`: the requests that all parties have signed and that wait for a decision. */
type Offers = {
  countSubmitted(): Promise<number>
  requestList: Pick<ReturnType<typeof createRequestStore>, 'list' | 'count'>
}

export const requests: FeatureModule<Ground, Offers> = {
  name: 'requests',
  open: (ground) => {
    const { database, record, announce, members, webhooks, clock } = ground
    const byWebhook = announceDecision(ground.jobs)
    const store = createRequestStore({
      ...{ database, record, announce, hostingOf: ground.hostingOf, audit: ground.audit },
      notify: async (transaction, request) => {
        await byWebhook(transaction, request)
        await ground.letters?.request(transaction, request)
      },
    })
    const automatic = createAutomaticApprovalStore(database, record)
    const intake = { ...ground, store, count: ground.countDocument }
    return {
      operations: requestHandlers({ store, automatic, webhooks, members, clock }),
      routes: {
        registration: async (app) => {
          await registrationRoutes(app, {
            ...intakeHandlers(intake),
            ...ground.contractRegistrations,
            ...ground.fleetRegistrations,
            ...ground.auditRegistrations,
            ...ground.logRegistrations,
            ...ground.catalogueRegistrations,
          })
          managementServiceRoutes(app, intake)
        },
        public: (app) => {
          const { publicUrl, managementService } = ground.settings
          if (managementService !== undefined) descriptionRoute(app, { publicUrl, ...managementService })
        },
        management: (app) => manageRoutes(app, intake, ground.managementCertificates),
      },
      jobs: [
        {
          ...{ kind: NOTIFY, places: 2 },
          run: createNotifier({ ...ground, requests: store, post: postNotice }),
        },
      ],
      offers: {
        countSubmitted: () => store.count({ state: 'SUBMITTED_FOR_APPROVAL' }),
        requestList: store,
      },
    }
  },
}
