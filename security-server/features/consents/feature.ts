/**
 * Consents of people: given and withdrawn by a service of a subsystem, asked for before each call that needs
 * one.
 */
import type { Subject } from '#core/subject/read-subjects.ts'
import type { FeatureModule } from '#platform/feature.ts'
import type { Services } from '#platform/services.ts'
import { idText } from '#schemas/identifiers.ts'
import type { Contracts } from '../../global-configuration/contracts/contracts.ts'
import type { KeptContract } from '../../global-configuration/contracts/verify-contract.ts'
import type { Consents } from '../../peer/consents.ts'
import type { ConsentService } from '../../peer/inbox.ts'
import { createPeerQuota } from '../../peer/peer-quota.ts'
import type { Previews } from '../../peer/previews.ts'
import { createConsentService } from './answer-consents.ts'
import type { Door } from './ask-keeper.ts'
import type { RecordedCall } from './consents-of-calls-store.ts'
import { consentHandlers } from './handlers.ts'
import { keeperOf, refuseKeptElsewhere } from './keeper.ts'
import { createKeyStore } from './key-store.ts'
import { consentMigrations } from './migrations.ts'
import { createOwnSource } from './own-source.ts'
import {
  createNameIfAny,
  createPeopleKey,
  createPeopleNames,
  resealPeopleKey,
  type Seals,
} from './people-names.ts'
import { createPreviews } from './previews/hold-answers.ts'
import { previewMigrations } from './previews/migrations.ts'
import { createPreviewStore } from './previews/store.ts'
import { createRequestStore } from './requests-store.ts'
import type { ConsentRooms } from './rooms.ts'
import { createPresentationSeals } from './seal-presentation.ts'
import type { ConsentSettings } from './settings.ts'
import { createConsentStore } from './store.ts'
import { describeAnew } from './switch-service.ts'
import { createConsentTaking } from './take-consent.ts'
import { createTakingElsewhere } from './take-elsewhere.ts'

type Ground = Pick<Services, 'database' | 'clock' | 'metrics' | 'log'> &
  Pick<ConsentRooms, 'server' | 'globalConfiguration' | 'localSystems' | 'contentRequests'> & {
    settings: { consents: ConsentSettings; tracker: { countryPrefix: string } }
    contracts: Pick<Contracts, 'view' | 'isSuspended'>
    /** The ordinary way of a message of one of our subsystems. */
    clientDoor: Door
    eventSeals: {
      keys: Seals
      addHolder(holder: {
        sealedWith(id: string, most: number): Promise<number>
        dropSealedWith(id: string): Promise<number>
        reseal(): Promise<void>
      }): void
    }
  }

type Offers = {
  consents: Consents
  consentService: ConsentService
  /** As `createConsentsOfCalls` says, for a person. */
  consentsOf(person: Subject, calls: readonly RecordedCall[]): Promise<Map<string, string[]>>
  previews: Previews
  /** As the store of previews says, for a person. */
  previewsOf(person: Subject, calls: readonly RecordedCall[]): Promise<Map<string, string[]>>
}

/** Questions of one client at once. */
const UNDER_WAY = 16
const DAY_SECONDS = 86_400
/** For so long after its time is over a request that nobody answered can be asked for. */
const UNANSWERED_DAYS = 30

export const consents: FeatureModule<Ground, Offers> = {
  name: 'consents',
  migrations: { ...consentMigrations, ...previewMigrations },
  open: (ground) => {
    const { database, clock, metrics, contracts, eventSeals, log } = ground
    const settings = ground.settings.consents
    const { perSecond, keepDays } = settings
    const here = idText(ground.server)
    const store = createConsentStore(database)
    const keyStore = createKeyStore(database)
    const peopleKey = createPeopleKey(keyStore, eventSeals.keys, clock)
    const nameOf = createPeopleNames(peopleKey)
    const nameIfAny = createNameIfAny(keyStore, nameOf)
    const source = createOwnSource({ store, nameOf, clock })
    const taking = createConsentTaking({ source, clock, log })
    const elsewhere = createTakingElsewhere({ door: ground.clientDoor, store, clock, log })
    eventSeals.addHolder({
      sealedWith: keyStore.sealedWith,
      async dropSealedWith(id) {
        const dropped = await keyStore.giveUp(id, new Date(clock()).toISOString())
        taking.changed()
        return dropped
      },
      reseal: () => resealPeopleKey(keyStore, eventSeals.keys),
    })
    const answers = metrics.counter(
      'concordat_consent_answers_total',
      'Questions about consents, by people, consumers and registers',
      ['outcome'],
    )
    const rooms: ConsentRooms = {
      ...{ server: ground.server, clock, settings, store, nameOf, taking, source },
      countryPrefix: ground.settings.tracker.countryPrefix,
      presentations: createPresentationSeals(peopleKey),
      codes: createPresentationSeals(peopleKey, 'codes of requests'),
      previews: createPreviewStore(database),
      previewSeals: createPresentationSeals(peopleKey, 'answers that wait'),
      requests: createRequestStore(database),
      globalConfiguration: ground.globalConfiguration,
      localSystems: ground.localSystems,
      contentRequests: ground.contentRequests,
      quota: createPeerQuota({ perSecond, burst: 2 * perSecond, underWay: UNDER_WAY, clock }),
      contracts: () => inForce(contracts, clock()),
      keepersOf: (subsystem) => keepersIn(contracts.view().contracts, subsystem),
      showsFirst: (subsystem) =>
        contracts
          .view()
          .contracts.some(({ content }) => content.provider === subsystem && content.preview !== undefined),
      count: (outcome) => answers.inc({ outcome }),
    }
    return {
      operations: consentHandlers(rooms),
      offers: {
        consents: {
          async take(call) {
            const subsystem = call.service.split('/').slice(0, 4).join('/')
            const { rule } = call.terms
            const keeper = keeperOf({ subsystem, rule }, rooms)
            if (keeper === undefined) refuseKeptElsewhere({ subsystem, rule }, rooms, 'consent_unknown')
            else if (idText(keeper) !== here) return elsewhere.take(call, { keeper, subsystem })
            return taking.take(call)
          },
        },
        consentService: createConsentService(rooms),
        previews: createPreviews(rooms),
        consentsOf: async (person, calls) => store.consentsOf({ person: await nameIfAny(person), calls }),
        previewsOf: async (person, calls) =>
          rooms.previews.previewsOf({ person: await nameIfAny(person), calls }),
      },
      jobs: [
        {
          ...{ kind: 'forget-consents', everySeconds: DAY_SECONDS, immediately: true, destroys: true },
          run: async ({ signal }) => {
            const ago = (days: number): string => new Date(clock() - days * DAY_SECONDS * 1000).toISOString()
            const [before, unanswered] = [ago(keepDays), ago(UNANSWERED_DAYS)]
            while (!signal.aborted && (await store.forget(before, unanswered)));
            await rooms.previews.forget(before, unanswered)
          },
        },
        { kind: 'tell-keepers', everySeconds: 60, immediately: true, run: elsewhere.resume },
        {
          ...{ kind: 'describe-consents', everySeconds: DAY_SECONDS, immediately: true },
          run: () => describeAnew(rooms),
        },
        {
          ...{ kind: 'end-previews', everySeconds: 60, immediately: true, destroys: true },
          run: () => rooms.previews.expire(new Date(clock()).toISOString()),
        },
      ],
      drain: async () => {
        await Promise.all([taking.write().catch(() => undefined), elsewhere.write()])
      },
      close: async () => {
        await Promise.all([taking.close(), elsewhere.close()])
      },
    }
  },
}

/** The versions under which calls may go now, one of each contract: as the message path judges. */
function inForce(
  { view, isSuspended }: Ground['contracts'],
  now: number,
): ReturnType<ConsentRooms['contracts']> {
  const good = view().contracts.filter(
    ({ listed, content }) =>
      listed.state === 'ACTIVE' &&
      !isSuspended(content) &&
      Date.parse(content.validFrom) <= now &&
      (content.critical || now < Date.parse(content.validUntil)),
  )
  const newest = new Map<string, (typeof good)[number]>()
  for (const one of good) {
    const known = newest.get(one.content.contract)
    if (known === undefined || known.content.version < one.content.version)
      newest.set(one.content.contract, one)
  }
  return [...newest.values()]
}

function keepersIn(all: readonly Pick<KeptContract, 'content'>[], subsystem: string): string[] {
  const named = all.flatMap(({ content: { provider, consent } }) =>
    provider === subsystem && consent?.keptAt !== undefined ? [consent.keptAt] : [],
  )
  return [...new Set(named)]
}
