/**
 * For tests: two security servers with real keys, real message logs, databases on either store, and real
 * mutual TLS between them. The tax agency (ss1) asks, the population register (ss2) answers. The test sets
 * the time, which only goes forward.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Readable } from 'node:stream'
import type { Test } from 'tap'
import { createAuditLog } from '#platform/audit-log/create-audit-log.ts'
import { migrate } from '#platform/database/migrate.ts'
import { type Database, openDatabase } from '#platform/database/open-database.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { idText, memberOf, parseServiceId, type ServerId } from '#schemas/identifiers.ts'
import { postgresql } from '#test/postgresql.ts'
import { until } from '#test/until.ts'
import { exchange } from '../../consumer/exchange.ts'
import type { ConsumerRooms } from '../../consumer/rooms.ts'
import { serverMigrations } from '../../features.ts'
import { NO_TERMS } from '../../global-configuration/contracts/index-contracts.ts'
import { listenForPeers } from '../../listeners.ts'
import type { LocalService } from '../../local-systems/local-systems.ts'
import { rest } from '../../message/rest.ts'
import { openFullLog, type TestLog } from '../../message-log/fixture.ts'
import { createPeerClient, type PeerClient } from '../../peer/client.ts'
import { createOcspByHash } from '../../peer/ocsp-by-hash.ts'
import { createPeerWorld, type PeerWorld, type Server, TAX } from '../../peer/peer-fixture.ts'
import { createPeerQuota } from '../../peer/peer-quota.ts'
import { createMessageSigner } from '../../peer/sign-message.ts'
import { createMessageVerifier } from '../../peer/verify-message.ts'
import { createPeerVerifier } from '../../peer/verify-peer.ts'
import { PORTS } from '../../peer/wire-fixture.ts'
import { createServiceClient } from '../../provider/client.ts'
import type { ProviderRooms } from '../../provider/rooms.ts'
import { providerRoutes } from '../../provider/routes.ts'
import { createCasesStore } from './cases-store.ts'
import { createEntriesStore } from './entries-store.ts'
import { createResponder, type Respond } from './respond.ts'
import type { ReconciliationRooms } from './rooms.ts'
import { reconciliationRoutes } from './routes.ts'
import { createShapes } from './shapes.ts'
import { createReconciliationStore, type DayPair } from './store.ts'

const PERSONS = parseServiceId('DEV/GOV/2000/population/persons')
const LOG = createLog({ name: 'test', level: 'silent' })
const DAY_MS = 86_400_000

export type Side = {
  server: Server
  database: Database
  log: TestLog
  logUrl: string
  folder: string
  rooms: ReconciliationRooms
  cases: ReturnType<typeof createCasesStore>
  client: PeerClient
  /** Waits for a reply no longer than a test can, `client` for as long as a slow machine needs. */
  hasty: PeerClient
  /** Answers peers. A test may replace it, or create it again as a restart does (`restart`). */
  respond: Respond
  restart(): void
}

export type TwoServers = {
  world: PeerWorld
  tax: Side
  population: Side
  /** The pair from the view of this side. */
  pairOf(side: Side, day: string): DayPair
  /** Sets both clocks and fetches the status of certificates again. */
  travel(time: string): Promise<void>
  /** Goes to noon of the next day of the test and returns the day. */
  nextDay(): Promise<string>
  /** Goes to the time when the day has settled. */
  settle(day: string): Promise<void>
  /** One exchange through both servers. Returns its request id, and the fault if it failed. */
  ask(q?: { body?: Buffer; path?: string; method?: string }): Promise<{ requestId: string; failed: unknown }>
  consumer: ConsumerRooms
  provider: ProviderRooms
  /** The answer of the population register's system. */
  system: { answer: http.RequestListener }
  service: LocalService
  isAllowed: boolean
  /** `unplug` stops the provider's listener, `plug` starts it. */
  unplug(): Promise<void>
  plug(q?: { withoutEndpoint: boolean }): Promise<void>
}

export async function createTwoServers(t: Test, store: 'sqlite' | 'postgresql'): Promise<TwoServers> {
  const world = await createPeerWorld(t)
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-reconciliation-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const fresh = async (name: string): Promise<string> =>
    store === 'sqlite' ? `sqlite:${path.join(folder, name)}` : (await postgresql()).freshDatabase()
  const tax = await openSide(t, world, world.consumer, folder, fresh)
  const population = await openSide(t, world, world.provider, folder, fresh)
  const system = http.createServer((request, response) => made.system.answer(request, response))
  await new Promise<void>((resolve) => system.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    system.closeAllConnections()
    system.close()
  })
  const serviceClient = createServiceClient({
    connectTimeoutMs: 60_000,
    connectionsPerService: 4,
    identity: world.provider.keys.internalTls.identity,
  })
  t.teardown(() => serviceClient.close())
  const service: LocalService = {
    id: PERSONS,
    type: 'REST',
    url: `http://127.0.0.1:${(system.address() as AddressInfo).port}`,
    timeoutMs: 60_000,
    maxConcurrentCalls: undefined,
    validate: 'NONE',
    verifyTls: true,
    trustedCertificates: undefined,
    disabledNotice: undefined,
    allowEncodedSlash: false,
    documentText: '',
  }
  let newest = ''
  let day = Math.ceil(Date.now() / DAY_MS)
  let peers: ReturnType<typeof listenForPeers> | undefined
  const made: TwoServers = {
    world,
    tax,
    population,
    service,
    isAllowed: true,
    system: {
      answer: (request, response) => {
        request.resume()
        request.on('end', () => response.end(`an answer to ${request.url}`))
      },
    },
    pairOf(side, of) {
      const other = side === tax ? population : tax
      const [own, peer] = [side, other].map((one) => idText(memberOf(one.server.id)))
      return { day: of, own: own!, peer: peer!, server: idText(other.server.id) }
    },
    async travel(time) {
      // The status is a little older than the present, so that a clock that is some minutes behind accepts it
      // too.
      world.skew = Date.parse(time) - Date.now() - 10 * 60_000
      for (const { keys } of [world.consumer, world.provider, world.second])
        await keys.refreshOcsp({ force: true })
      world.skew = Date.parse(time) - Date.now()
    },
    async nextDay() {
      day++
      const of = new Date(day * DAY_MS).toISOString().slice(0, 10)
      await made.travel(`${of}T12:00:00Z`)
      return of
    },
    async settle(of) {
      await made.travel(new Date(Date.parse(`${of}T00:00:00Z`) + 2 * DAY_MS + 60_000).toISOString())
      // Skips days, so that the days of the test do not overlap with the time they take to settle.
      day += 3
    },
    async ask({ body, path: at = '/a', method = body === undefined ? 'GET' : 'POST' } = {}) {
      const failed = await exchange(
        {
          codec: rest,
          method,
          url: `/r1/${idText(PERSONS)}${at}`,
          rawHeaders: ['X-Road-Client', idText(TAX)],
          content: body === undefined ? undefined : Readable.from([body], { objectMode: false }),
          tls: undefined,
        },
        made.consumer,
      ).then(
        () => undefined,
        (cause: unknown) => cause,
      )
      return { requestId: newest, failed }
    },
    consumer: {
      ...shared(world, tax),
      contracts: { contractFor: () => NO_TERMS },
      hostingMandateFor: () => undefined,
      heardTreeHead: () => undefined,
      endOfCourse: () => undefined,
      tracing: { begin: () => undefined, ended: () => undefined },
      localSystems: {
        client: () => ({ id: TAX, authenticationMode: 'NOSSL', certificates: new Set() }),
      } as never,
      messageLog: {
        ...tax.log,
        append: (entry) => {
          if (entry.kind === 'request') newest = entry.ids.requestId
          return tax.log.append(entry as never)
        },
      },
      usedUpQuotas: { check: () => undefined, hear: () => undefined },
      peerClient: tax.client,
      authenticationIdentity: world.consumer.keys.authenticationIdentity,
    },
    provider: {
      ...shared(world, population),
      contracts: { contractFor: () => NO_TERMS, termsOfRefused: () => NO_TERMS },
      hostingMandateFor: () => undefined,
      mandateServices: { ask: () => Promise.reject(new Error('no contract asks for it')) },
      localSystems: {
        service: () => made.service,
        call: () => ({
          isAllowed: made.isAllowed,
          circumstances: () => ({ local: made, key: '', describe: () => ({ side: 'provider' }) }),
        }),
      } as never,
      keys: world.provider.keys,
      verifyPeer: createPeerVerifier(),
      xroadTlsPeers: new Set(),
      quota: createPeerQuota({ perSecond: 1e6, burst: 1e6, underWay: 100, clock: world.clock }),
      beginReading: () => ({ count: () => undefined, end: () => undefined }),
      contractQuotas: { take: () => Promise.resolve(() => undefined) },
      messageValidator: { judge: () => Promise.resolve(undefined) },
      servicePlaces: { enter: () => Promise.resolve({ waited: false, leave: () => undefined }) },
      serviceClient,
      endOfCourse: () => undefined,
      tracing: { begin: () => undefined, ended: () => undefined },
      monitoring: { answer: () => Promise.reject(new Error('there is no monitoring')) },
      inbox: { take: () => Promise.reject(new Error('there is no inbox')) },
      room: { take: () => Promise.reject(new Error('there is no room')) },
      tracker: { take: () => Promise.reject(new Error('there is no tracker')) },
      consents: { take: () => Promise.reject(new Error('no consent was asked for')) },
      consentService: { take: () => Promise.reject(new Error('there are no consents')) },
      previews: {} as never,
    },
    async unplug() {
      await peers?.stop()
    },
    async plug({ withoutEndpoint } = { withoutEndpoint: false }) {
      peers = listenForPeers(
        {
          address: world.provider.address,
          ...PORTS,
          xroadTlsPeers: [],
          perSecond: 1e6,
          underWay: 100,
          revocationSeconds: 30,
        },
        {
          keys: world.provider.keys,
          globalConfiguration: world.globalConfiguration as never,
          xroadTlsPeers: new Set(),
          log: LOG,
        },
        (app) => {
          providerRoutes(app, made.provider, LOG, () => undefined)
          if (!withoutEndpoint) answerPeers(app, population)
        },
      )
      const { isListening } = peers
      await until('a listener for peers', () => isListening())
    },
  }
  await made.plug()
  t.teardown(() => made.unplug())
  const forTax = listenForPeers(
    {
      address: world.consumer.address,
      ...PORTS,
      xroadTlsPeers: [],
      perSecond: 1e6,
      underWay: 100,
      revocationSeconds: 30,
    },
    {
      keys: world.consumer.keys,
      globalConfiguration: world.globalConfiguration as never,
      xroadTlsPeers: new Set(),
      log: LOG,
    },
    (app) => answerPeers(app, tax),
  )
  t.teardown(() => forTax.stop())
  return made
}

function answerPeers(app: Parameters<typeof reconciliationRoutes>[0], side: Side): void {
  const quota = { enter: () => () => undefined }
  const respond: Respond = (peer: ServerId, question) => side.respond(peer, question)
  reconciliationRoutes(app, { ...side.rooms, respond, quota }, LOG)
}

function shared(world: PeerWorld, side: Side) {
  return {
    server: side.server.id,
    clock: world.clock,
    limits: { maxMessageBytes: 64 * 1024, maxSoapBytes: 1_000_000, maxBodyBytes: 1_000_000 },
    globalConfiguration: world.globalConfiguration as never,
    messageLog: side.log,
    signMessage: createMessageSigner({ keys: side.server.keys, clock: world.clock }),
    verifyMessage: createMessageVerifier(),
  }
}

/** Opens the log of a node. Two nodes of one side share its database. */
export function openLog(
  world: PeerWorld,
  side: { server: Server; logUrl: string; folder: string },
  node: string,
): Promise<TestLog> {
  return openFullLog({
    databaseUrl: side.logUrl,
    keyFolder: path.join(side.folder, 'log-keys'),
    bodyFolder: path.join(side.folder, 'bodies'),
    server: side.server.id,
    node,
    clock: world.clock,
    unstampedLimitMs: Number.POSITIVE_INFINITY,
  })
}

async function openSide(
  t: Test,
  world: PeerWorld,
  server: Server,
  parent: string,
  fresh: (name: string) => Promise<string>,
): Promise<Side> {
  const { serverCode } = server.id
  const folder = path.join(parent, serverCode)
  for (const name of ['log-keys', 'bodies']) mkdirSync(path.join(folder, name), { recursive: true })
  const database = await openDatabase(await fresh(`${serverCode}.db`))
  t.teardown(() => database.close())
  await migrate(database, serverMigrations)
  const logUrl = await fresh(`${serverCode}-log.db`)
  const log = await openLog(world, { server, logUrl, folder }, 'node1')
  await log.recover()
  t.teardown(() => log.close())
  const ocsp = createOcspByHash(server.keys)
  await ocsp.listen({ host: server.address, port: PORTS.ocspPort })
  t.teardown(() => ocsp.close())
  const verifyPeer = createPeerVerifier()
  const connect = (replyTimeoutMs: number) => {
    const client = createPeerClient(
      {
        keys: server.keys,
        globalConfiguration: world.globalConfiguration,
        verifyPeer,
        xroadTlsPeers: new Set(),
        clock: world.clock,
      },
      { ...PORTS, connectTimeoutMs: 60_000, replyTimeoutMs, idleTimeoutMs: 5_000, connectionsPerPeer: 4 },
    )
    t.teardown(() => client.close())
    return client
  }
  const client = connect(60_000)
  const audit = createAuditLog({ database, clock: world.clock })
  const rooms: ReconciliationRooms = {
    server: server.id,
    clock: world.clock,
    keys: server.keys,
    globalConfiguration: world.globalConfiguration as never,
    verifyPeer,
    peerClient: client,
    log,
    secrecyBetween: () => 0,
    store: createReconciliationStore(database),
    entries: createEntriesStore(database),
    shapes: await createShapes(),
    audit: (act) => audit.before({ caller: { id: 'r', name: 'r' }, operation: 'reconcile', ...act }),
  }
  const side: Side = {
    server,
    database,
    log,
    logUrl,
    folder,
    rooms,
    client,
    hasty: connect(10_000),
    cases: createCasesStore(database),
    respond: createResponder(rooms),
    restart() {
      side.respond = createResponder(side.rooms)
    },
  }
  return side
}
