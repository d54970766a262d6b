/** The room's own wiring: stores, handlers of both APIs, and what its jobs do; registry.ts hands in what it stands on. */
import type { Clock } from '#platform/clock.ts'
import type { Database } from '#platform/database/open-database.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import type { JobHandler, Jobs } from '#platform/jobs/create-jobs.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { Metrics } from '#platform/metrics/create-metrics.ts'
import { parseSubsystemId } from '#schemas/identifiers.ts'
import type { Change } from '../../changes/store.ts'
import type { Notify } from '../../contract-versions/move-version-store.ts'
import { createContractPolicyStore } from '../../contract-versions/policy-store.ts'
import type { PutMail } from '../../members/contacts/letters-store.ts'
import { type ContactStore, createContactStore } from '../../members/contacts/store.ts'
import type { MemberStore } from '../../members/store.ts'
import type { PostNotice } from '../../members/webhooks/client.ts'
import type { WebhookStore } from '../../members/webhooks/store.ts'
import type { TrustStore } from '../../trust/store.ts'
import { postToPartner } from '../federation/client.ts'
import type { Federation } from '../federation/open-federation.ts'
import type { Suspensions } from '../suspensions/open-suspensions.ts'
import { announceSuspensions } from '../suspensions/publish-list.ts'
import { createContractActs } from './acts-store.ts'
import { createContractContacts } from './contacts-store.ts'
import { createDistributionStore } from './distribution-store.ts'
import { createPartnerExchange, partnerContractHandlers } from './exchange-with-partners.ts'
import { type ContractIntakeRooms, contractIntakeHandlers } from './intake.ts'
import { createNoticeStore } from './notices-store.ts'
import { createContractNotifier } from './notify.ts'
import { createPartnerListStore } from './partner-list-store.ts'
import { createPartnerStore } from './partner-store.ts'
import type { Partners } from './partners.ts'
import { type ContractReading, createContractReading } from './reading-store.ts'
import { contractHandlers } from './routes.ts'
import { createContractStore } from './store.ts'
import type { Tables } from './tables.ts'

/** The kind of the job that asks the registries of other instances. */
export const EXCHANGE_CONTRACTS = 'exchange-contracts'

/** The kind of the job that looks every minute at what time has decided. */
export const SETTLE_CONTRACTS = 'settle-contracts'

type Contracts = {
  reading: ContractReading
  contacts: Pick<ContactStore, 'asks' | 'unconfirmed'>
  handlers: Record<string, OperationHandler>
  /** Of the registration API; `count` hears of each document. */
  intake(count: ContractIntakeRooms['count']): Record<string, OperationHandler>
  notify: JobHandler
  /** One round with the registries of other instances: see exchange-with-partners.ts. */
  exchangeWithPartners(): Promise<void>
  /** Ends what is over, then gives the notices that are due. */
  settle(): Promise<void>
}

export function openContracts(q: {
  database: Database
  record: Change<Tables>
  jobs: Pick<Jobs, 'enqueue'>
  webhooks: Pick<WebhookStore, 'urlOf'>
  post: PostNotice
  notify: Notify
  /** Puts letters to contacts into the outbox; undefined without a mail server. */
  put: PutMail | undefined
  metrics: Metrics
  members: Pick<MemberStore, 'parameters'>
  suspensions: Pick<Suspensions, 'store' | 'ofContract'>
  /** The person or key that made an API key. */
  makerOf(key: string): Promise<string | null>
  trust: TrustStore
  ocspFreshnessSeconds: number
  signDocument: ContractIntakeRooms['signDocument']
  federation: Pick<Federation, 'views' | 'ownCertificates' | 'afterReading'>
  clock: Clock
  log: Log
}): Contracts {
  const { database, record, notify, members, suspensions, makerOf, clock } = q
  const { views, ownCertificates } = q.federation
  const partners: Partners = {
    load: views.load,
    isRegistered: (subsystem) => {
      const id = parseSubsystemId(subsystem)
      return views.of(id.instance)?.index.isRegistered(id) === true
    },
  }
  const actRooms = { notify, announce: announceSuspensions(q.jobs), partners }
  const store = createContractStore({ record, ...actRooms })
  const reading = createContractReading(database)
  const addresses = createContactStore(database, record, q.put)
  const contacts = createContractContacts({ record, acts: createContractActs(actRooms), put: q.put })
  const distribution = createDistributionStore(database, record, addresses)
  const between = {
    ...{ ...q, distribution, views, ownCertificates, post: postToPartner },
    store: createPartnerStore(database, record, actRooms),
    lists: createPartnerListStore(database),
  }
  const notices = createNoticeStore({ database, record, notify })
  const policy = createContractPolicyStore(database, record)
  const exchangeWithPartners = createPartnerExchange(between)
  q.federation.afterReading(exchangeWithPartners)
  let overdue = 0
  q.metrics.watch(
    'concordat_contracts_overdue',
    'Critical contracts that are in force after their end',
    () => overdue,
  )
  return {
    reading,
    contacts: addresses,
    handlers: contractHandlers({
      ...{ store, reading, policy, members, suspensions, makerOf, clock },
      contacts: { ...addresses, ...contacts },
    }),
    intake: (count) => ({
      ...contractIntakeHandlers({ ...q, store, contacts, distribution, count }),
      ...partnerContractHandlers(between),
    }),
    exchangeWithPartners,
    notify: createContractNotifier(q),
    async settle() {
      const now = clock()
      await store.settle(new Date(now).toISOString())
      await notices.give(now)
      await addresses.askDue(new Date(now).toISOString())
      const found = await reading.overdue(new Date(now).toISOString())
      if (found > overdue) q.log.warn({ overdue: found }, 'critical contracts are in force after their end')
      overdue = found
    },
  }
}
