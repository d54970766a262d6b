/**
 * Service contracts between members: proposed, signed by all parties, approved, exchanged with other
 * instances, ended.
 */
import type { Within } from '#platform/database/open-database.ts'
import type { FeatureModule } from '#platform/feature.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import type { Services } from '#platform/services.ts'
import { parseSubsystemId } from '#schemas/identifiers.ts'
import type { Change } from '../../changes/store.ts'
import type { SignDocument } from '../../configuration/signing-keys/sign-document.ts'
import { announceContract, NOTIFY_CONTRACT } from '../../contract-versions/announce.ts'
import type { Notify } from '../../contract-versions/move-version-store.ts'
import { createContractPolicyStore } from '../../contract-versions/policy-store.ts'
import type { CountDocument } from '../../documents/count.ts'
import type { PutMail } from '../../members/contacts/letters-store.ts'
import { type ContactStore, createContactStore } from '../../members/contacts/store.ts'
import type { MemberStore } from '../../members/store.ts'
import { postNotice } from '../../members/webhooks/client.ts'
import type { WebhookStore } from '../../members/webhooks/store.ts'
import type { TrustStore } from '../../trust/store.ts'
import { createContractActs } from './acts-store.ts'
import { postToPartner } from './client.ts'
import { createContractContacts } from './contacts-store.ts'
import { createDistributionStore } from './distribution-store.ts'
import { createPartnerExchange, partnerContractHandlers } from './exchange-with-partners.ts'
import { contractIntakeHandlers } from './intake.ts'
import { createNoticeStore } from './notices-store.ts'
import { createContractNotifier } from './notify.ts'
import { createPartnerListStore } from './partner-list-store.ts'
import { createPartnerStore } from './partner-store.ts'
import type { PartnerInstances, Partners } from './partners.ts'
import { type ContractReading, createContractReading } from './reading-store.ts'
import { type ContractSuspensions, contractHandlers } from './routes.ts'
import { settleContracts } from './settle.ts'
import { createContractStore } from './store.ts'
import type { Tables } from './tables.ts'
import { terminateUntold } from './terminate-untold.ts'
import { createUnlistedMandates } from './unlisted-mandates.ts'

/** Short enough that a suspension at one registry takes effect at the other within a minute. */
const EXCHANGE_SECONDS = 15

type Ground = Pick<Services, 'database' | 'jobs' | 'metrics' | 'clock' | 'log'> & {
  record: Change<Tables>
  webhooks: Pick<WebhookStore, 'urlOf'>
  /** Puts e-mails into the outbox; undefined without a mail server. */
  letters: { contract: Notify; put: PutMail } | undefined
  members: Pick<MemberStore, 'parameters'>
  /** `announce` has the suspension list signed anew after a change. */
  suspensions: ContractSuspensions & { announce(transaction: Within): Promise<void> }
  /**
   * The active person at the start of the chain of keys that made an API key; null for keys of the operator.
   */
  makerOf(key: string): Promise<string | null>
  trust: TrustStore
  ocspFreshnessSeconds: number
  signDocument: SignDocument
  countDocument: CountDocument
  federation: {
    views: PartnerInstances
    ownCertificates(): Promise<Buffer[]>
    afterReading(act: () => Promise<void>): void
  }
}

type Offers = {
  contracts: {
    reading: ContractReading
    contacts: Pick<ContactStore, 'asks' | 'unconfirmed'>
    terminateUntold: typeof terminateUntold
  }
  /** Handlers of the registration API. */
  contractRegistrations: Record<string, OperationHandler>
}

export const contracts: FeatureModule<Ground, Offers> = {
  name: 'contracts',
  open: (ground) => {
    const { database, record, jobs, members, suspensions, makerOf, letters, countDocument, clock } = ground
    const { views, ownCertificates, afterReading } = ground.federation
    const notify = announceContract(jobs, clock, letters?.contract)
    const actRooms = { notify, announce: suspensions.announce, partners: partnersAmong(views) }
    const store = createContractStore({ record, ...actRooms })
    const reading = createContractReading(database)
    const addresses = createContactStore(database, record, letters?.put)
    const contacts = createContractContacts({ record, acts: createContractActs(actRooms), put: letters?.put })
    const unlisted = createUnlistedMandates(ground)
    const distribution = createDistributionStore(database, record, addresses, unlisted)
    const between = {
      ...{ ...ground, distribution, views, ownCertificates, post: postToPartner },
      store: createPartnerStore(database, record, actRooms),
      lists: createPartnerListStore(database),
    }
    const exchangeWithPartners = createPartnerExchange(between)
    afterReading(exchangeWithPartners)
    const notices = createNoticeStore({ ...ground, notify })
    const settling = settleContracts({ ...ground, store, notices, addresses, reading })
    return {
      operations: contractHandlers({
        ...{ store, reading, members, suspensions, makerOf, clock },
        policy: createContractPolicyStore(database, record),
        contacts: { ...addresses, ...contacts },
      }),
      jobs: [
        { kind: NOTIFY_CONTRACT, run: createContractNotifier({ ...ground, post: postNotice }), places: 2 },
        { kind: 'settle-contracts', everySeconds: 60, immediately: true, run: settling },
        { kind: 'exchange-contracts', everySeconds: EXCHANGE_SECONDS, run: exchangeWithPartners },
      ],
      health: { 'listed-mandates': async () => unlisted.finding() },
      offers: {
        contracts: { reading, contacts: addresses, terminateUntold },
        contractRegistrations: {
          ...contractIntakeHandlers({
            ...{ ...ground, store, contacts, distribution },
            count: (purpose, outcome) => countDocument(`contract-${purpose}`, outcome),
          }),
          ...partnerContractHandlers(between),
        },
      },
    }
  },
}

function partnersAmong(instances: PartnerInstances): Partners {
  return {
    load: instances.load,
    isRegistered: (subsystem) => {
      const id = parseSubsystemId(subsystem)
      return instances.of(id.instance)?.index.isRegistered(id) === true
    },
  }
}
