/**
 * A tracker for tests: a real log, index by person and key holder; contracts and names are those of the test.
 */
import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { Test } from 'tap'
import type { SubjectPlace } from '#core/subject/place.ts'
import { writeRestRequest } from '#core/transport/rest-request.ts'
import { writeSoap } from '#core/transport/write-soap.ts'
import { migrate } from '#platform/database/migrate.ts'
import { type Database, openDatabase } from '#platform/database/open-database.ts'
import type { ContractContent } from '#schemas/contract.ts'
import { type ClientId, idText, type ServiceId } from '#schemas/identifiers.ts'
import { aheadOfMidnight } from '#test/day-clock.ts'
import { hasPostgresql, postgresql } from '#test/postgresql.ts'
import type { Content } from '../../message/body.ts'
import type { Request, SystemAnswer } from '../../message/message.ts'
import {
  CLIENT,
  logFolder,
  logOptions,
  openTestLog,
  SERVER,
  SERVICE,
  signedRecord,
  spoolBody,
  type TestLog,
} from '../../message-log/fixture.ts'
import type { RecordInput } from '../../message-log/record-input.ts'
import type { Tracker } from '../../peer/inbox.ts'
import { createPeerQuota } from '../../peer/peer-quota.ts'
import type { Holder } from '../../subject-keys/holder.ts'
import { openContentKeys } from '../deliveries/content-keys.ts'
import { noticeMigrations } from '../notices/migrations.ts'
import { memoryHolder } from '../person-search/log/holder-fixture.ts'
import { subjectMigrations } from '../person-search/migrations.ts'
import { openPersonSearch } from '../person-search/open-person-search.ts'
import { personUses } from '../person-search/person-uses.ts'
import { createTracker } from './answer-person.ts'
import { createComplaintList } from './complaints/list-store.ts'
import { complaintMigrations } from './complaints/migrations.ts'
import type { ComplaintRooms } from './complaints/rooms.ts'
import { createComplaintStore } from './complaints/store.ts'
import { trackerMigrations } from './migrations.ts'
import type { TrackerRooms } from './rooms.ts'
import { createTrackerStore, type TrackerStore } from './store.ts'

export const PORTAL: ClientId = { ...CLIENT, memberCode: '9999', subsystemCode: 'portal' }
export const TRACKER: ServiceId = { ...SERVICE, serviceCode: 'findUsage' }
export const SUBSYSTEM = 'DEV/GOV/1234/population'
export const COMPLAINTS = { dueDays: 30, keepDays: 365, perClientDay: 20, perDay: 25 }
const PLACE: SubjectPlace = {
  ...{ method: '*', path: '/persons/{code}', in: 'path', name: 'code', type: 'personal-code' },
}

const QUESTION = '<d:findUsage xmlns:d="http://dumonitor.x-road.eu/producer"/>'

export type Told = { status: number; body: Record<string, unknown>; bytes: Buffer }

export type TrackerWorld = {
  database: Database
  log: TestLog
  logUrl: string
  store: TrackerStore
  /** What the audit log would have of complaints. */
  acts: object[]
  holder: Holder
  rooms: TrackerRooms
  tracker: Tracker
  contracts: ContractContent[]
  now: { at: number }
  /** Logs a call about a person and its answer; gives the index of the request. */
  use(
    code: string,
    q?: Omit<Partial<RecordInput>, 'body'> & { outcome?: string; answer?: string; body?: object },
  ): Promise<number>
  index(): Promise<void>
  ask(
    path: string,
    q?: {
      userId?: string
      client?: ClientId
      represented?: string
      method?: string
      /** What a POST brings. */
      body?: string | object
      /** The client's own id for its message. */
      id?: string
    },
  ): Promise<Told>
}

export async function createTrackerWorld(t: Test, url?: string): Promise<TrackerWorld> {
  const isPostgresql = url?.startsWith('postgres') === true && hasPostgresql()
  const other = isPostgresql ? await (await postgresql()).freshDatabase() : 'sqlite::memory:'
  const database = await openDatabase(other)
  t.teardown(() => database.close())
  await migrate(database, {
    ...{ ...subjectMigrations, ...trackerMigrations, ...complaintMigrations, ...noticeMigrations },
  })
  // What is told of months is compared with what was logged.
  const aheadMs = aheadOfMidnight()
  const clock = () => Date.now() + aheadMs
  const options = { ...logOptions(logFolder(t), url), clock }
  const log = await openTestLog(t, options)
  const holder = await memoryHolder(t, clock)
  const contracts: ContractContent[] = []
  const acts: object[] = []
  const view = () => ({ contracts: contracts.map((content) => ({ content })) })
  const now = { at: clock() }
  const subjects = await openPersonSearch({
    ...{
      settings: undefined,
      countryPrefix: 'EE',
      keys: holder,
      database,
      clock: () => now.at,
      messageLog: log,
    },
    contracts: { view: view as never, contentsInForce: async () => contracts },
  })
  await subjects.places.add(idText(SERVICE), PLACE, { by: 'test', at: new Date().toISOString() })
  const byUser = { ...PLACE, path: '**', in: 'query', name: 'userCode' } as const
  await subjects.places.add(idText(TRACKER), byUser, { by: 'test', at: new Date().toISOString() })
  const bySoapUser = { ...byUser, in: 'header', name: 'X-Road-UserId' } as const
  await subjects.places.add(`${idText(TRACKER)}/v1`, bySoapUser, { by: 'test', at: new Date().toISOString() })
  const replies = { ...PLACE, path: '/lists', in: 'reply', name: '/codes' } as const
  await subjects.places.add(idText(SERVICE), replies, { by: 'test', at: new Date().toISOString() })
  const store = createTrackerStore(database)
  const rooms: TrackerRooms = {
    ...{ server: SERVER, clock: () => now.at, store, log },
    settings: {
      ...{ countryPrefix: 'EE', identifierType: 'personal-code', language: 'en', perSecond: 1000 },
      grounds: [{ code: 'crime', text: 'To prevent, detect or prosecute a crime' }],
      complaints: COMPLAINTS,
    },
    personUses: personUses({ ...subjects, parts: log.parts }),
    globalConfiguration: {
      current: () => ({ indexFor: () => ({ memberName: () => 'A member' }) }) as never,
    },
    localSystems: { services: () => [{ id: SERVICE }, { id: TRACKER }] } as never,
    quota: createPeerQuota({ perSecond: 1000, burst: 1000, underWay: 50, clock: Date.now }),
    contracts: () => contracts,
    contentsOf: async (ids) => contracts.filter(({ contract }) => ids.includes(contract)),
    contractOf: async (version) => contracts.find((one) => `${one.contract}/${one.version}` === version),
    bundle: (of) => ({
      ...{ log: of, server: idText(SERVER), made: new Date(), configuration: [] },
      checkpointSigner: undefined,
    }),
    complaints: complaintRooms(t, database, acts),
    notices: () => undefined,
    consentsOf: async (_person, calls) =>
      new Map(calls.map(({ requestId: id }) => [`${id} ${idText(SERVICE)} ${idText(CLIENT)}`, [`of ${id}`]])),
    previewsOf: async () => new Map(),
    count: () => undefined,
  }
  const tracker = createTracker(rooms)
  return {
    ...{ log, logUrl: options.databaseUrl, store, database, acts, holder, rooms, tracker, contracts, now },
    async use(code, { outcome = '', answer = 'ok', body, ...more } = {}) {
      const ids = more.ids ?? { id: randomUUID(), requestId: randomUUID() }
      const service: ServiceId = more.service ?? SERVICE
      const path = code.includes('/')
        ? code
        : service.serviceCode === TRACKER.serviceCode
          ? `/v2/findUsage?userCode=${code}`
          : `/persons/${code}`
      const user = { client: more.client ?? CLIENT, service, id: ids.id, userId: code }
      const inSoap = Buffer.from(writeSoap(user, QUESTION))
      const inRest = writeRestRequest({
        method: 'GET',
        target: `/r1/${idText(service)}${path}`,
        headers: [
          ['X-Road-Client', idText(more.client ?? CLIENT)],
          ['X-Road-UserId', 'EE-OFFICIAL'],
          ['x-road-request-id', ids.requestId],
          ['x-road-id', ids.id],
        ],
      })
      const message = service.serviceVersion === undefined ? inRest : inSoap
      const time = new Date(clock())
      const facts = { time, ...more, ids, message, extra: { userId: 'EE-OFFICIAL', ...more.extra } }
      const { index } = await log.append(await signedRecord({ ...facts, outcome }))
      if (outcome !== '') return index
      const content = await spoolBody(log, Buffer.from(JSON.stringify(body ?? { secret: 'CONTENT' })))
      const { direction = 'in' } = more
      await log.append(
        await signedRecord({
          ...{
            time: new Date(clock()),
            ...more,
            ids,
            kind: 'reply',
            direction: direction === 'in' ? 'out' : 'in',
            outcome: answer,
          },
          ...{ answers: index, body: content },
          message: Buffer.from(
            `HTTP/1.1 200 OK\r\nx-road-id: ${ids.id}\r\ncontent-type: application/json\r\n\r\n`,
          ),
        }),
      )
      return index
    },
    index: () => subjects.index(),
    async ask(path, { userId = 'EE1', client = PORTAL, represented, body, id, ...q } = {}) {
      const { method = body === undefined ? 'GET' : 'POST' } = q
      const [servicePath, query] = path.split('?') as [string, string?]
      const request = {
        ...{ protocol: 'REST', client, service: TRACKER, method, servicePath, query, headers: [] },
        id: id ?? randomUUID(),
        actors: userId === '' ? {} : { userId },
      } as unknown as Request
      const answer = await tracker.take({
        ...{ request, message: Buffer.alloc(0), represented, record: 0 },
        body: body === undefined ? undefined : contentOf(body),
        spool: () => log.spool.begin({ maxBytes: 10_000_000 }),
      })
      return told(answer)
    },
  }
}

/** Complaints that are sealed with keys of their own. */
function complaintRooms(t: Test, database: Database, acts: object[]): ComplaintRooms {
  const keys = openContentKeys(logFolder(t))
  void keys.add()
  return {
    ...{
      settings: COMPLAINTS,
      keys,
      store: createComplaintStore(database),
      list: createComplaintList(database),
    },
    record: async (act) => void acts.push(act),
    count: () => undefined,
  }
}

function contentOf(given: string | object): Content {
  const bytes = Buffer.from(typeof given === 'string' ? given : JSON.stringify(given))
  return { size: bytes.length, bytes, open: () => Readable.from([bytes]) }
}

async function told({ status, body }: SystemAnswer): Promise<Told> {
  const bytes = body === undefined ? Buffer.alloc(0) : (body.bytes ?? (await buffer(body.open())))
  const isJson = bytes.subarray(0, 1).toString() === '{'
  return { status, bytes, body: isJson ? (JSON.parse(bytes.toString()) as Told['body']) : {} }
}
