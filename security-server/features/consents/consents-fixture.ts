/** For tests only: the service by which people give consents, asked as the message path asks it. */
import { buffer } from 'node:stream/consumers'
import type { Test } from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { openDatabase } from '#platform/database/open-database.ts'
import type { ContractContent } from '#schemas/contract.ts'
import { parseSubsystemId, type ServerId } from '#schemas/identifiers.ts'
import type { PublishedIssuer } from '#schemas/trusted-issuer.ts'
import { logFolder, logOptions, openTestLog, SERVER, spoolBody } from '../../message-log/fixture.ts'
import { createPeerQuota } from '../../peer/peer-quota.ts'
import { createConsentService } from './answer-consents.ts'
import { createKeyStore } from './key-store.ts'
import { consentMigrations } from './migrations.ts'
import { createOwnSource } from './own-source.ts'
import { createPeopleKey, createPeopleNames } from './people-names.ts'
import { previewMigrations } from './previews/migrations.ts'
import { createPreviewStore } from './previews/store.ts'
import { createRequestStore } from './requests-store.ts'
import type { ConsentRooms } from './rooms.ts'
import { createPresentationSeals } from './seal-presentation.ts'
import type { WalletCredential } from './settings.ts'
import { createConsentStore } from './store.ts'
import { createConsentTaking } from './take-consent.ts'

const PORTAL = parseSubsystemId('DEV/GOV/9999/portal')

/** What a mandate service has confirmed. */
export const MANDATE = {
  ...{
    service: 'register',
    question: 'q-1',
    answer: 'YW5zd2Vy',
    at: '2026-06-01T12:00:00.000Z',
    issue: '77',
  },
}

/** What may change while a test runs is read anew at each question. */
export async function openConsents(
  t: Test,
  q: {
    now: { at: number }
    contracts: { content: ContractContent; joined: string[] }[]
    trustedIssuers?: PublishedIssuer[]
    credentials?: WalletCredential[]
    /** Where the provider's subsystem is registered. */
    servers?: { id: ServerId }[]
  },
) {
  const { now, contracts, trustedIssuers = [], credentials = [], servers = [{ id: SERVER }] } = q
  const database = await openDatabase('sqlite::memory:')
  t.teardown(() => database.close())
  await migrate(database, { ...consentMigrations, ...previewMigrations })
  const log = await openTestLog(t, logOptions(logFolder(t)))
  const store = createConsentStore(database)
  const seals = {
    current: 'k',
    seal: (_: string, plain: Buffer) => plain,
    open: (_: string, sealed: Buffer) => sealed,
  }
  const peopleKey = createPeopleKey(createKeyStore(database), seals, () => now.at)
  const nameOf = createPeopleNames(peopleKey)
  const source = createOwnSource({ store, nameOf, clock: () => now.at })
  const taking = createConsentTaking({ source, clock: () => now.at, log: { warn: () => undefined } })
  t.teardown(() => taking.close())
  const snapshot = () =>
    ({
      trustedIssuers: [...trustedIssuers],
      indexFor: () => ({ memberName: () => 'A member', serversOf: () => servers }),
    }) as never
  const rooms: ConsentRooms = {
    ...{ server: SERVER, clock: () => now.at, countryPrefix: 'EE', store, nameOf, taking, source },
    settings: { portalUrl: 'https://portal.example/asked/', keepDays: 30, perSecond: 1e6, credentials },
    requests: createRequestStore(database),
    presentations: createPresentationSeals(peopleKey),
    codes: createPresentationSeals(peopleKey, 'codes of requests'),
    previews: createPreviewStore(database),
    previewSeals: createPresentationSeals(peopleKey, 'answers that wait'),
    globalConfiguration: { current: snapshot, currentWithin: snapshot },
    localSystems: {} as never,
    contentRequests: { isRequired: false, targetOf: async () => '', check: async () => undefined },
    quota: createPeerQuota({ perSecond: 1e6, burst: 1e6, underWay: 50, clock: Date.now }),
    contracts: () => contracts,
    keepersOf: () => contracts.flatMap(({ content }) => content.consent?.keptAt ?? []),
    showsFirst: () => contracts.some(({ content }) => content.preview !== undefined),
    count: () => undefined,
  }
  const service = createConsentService(rooms)
  let record = 100
  const ask = async (
    line: string,
    q: {
      body?: unknown
      userId?: string
      client?: typeof PORTAL
      represented?: string
      mandateUntil?: string
    } = {},
  ) => {
    const [method = '', target = ''] = line.split(' ')
    const [servicePath, query] = target.split('?') as [string, string?]
    const { userId = 'EEP1', client = PORTAL, represented, mandateUntil: until, body } = q
    const mandate =
      represented === undefined ? undefined : { ...MANDATE, represented, ...(until && { until }) }
    const request = {
      ...{
        protocol: 'REST',
        client,
        service: { ...parseSubsystemId('DEV/GOV/1234/population'), serviceCode: 'consents' },
        method,
        servicePath,
      },
      ...{ query, headers: [], actors: userId === '' ? {} : { userId } },
    } as never
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const answer = await service.take({
      ...{ request, headers: [], mandate, record: record++ },
      body: body === undefined ? undefined : await spoolBody(log, Buffer.from(text)),
      spool: () => log.spool.begin({ maxBytes: 1e7 }),
    })
    const bytes = await buffer(answer.body!.open())
    return { status: answer.status, headers: answer.headers, body: JSON.parse(bytes.toString()) as never }
  }
  return { rooms, ask, store, taking, nameOf }
}
