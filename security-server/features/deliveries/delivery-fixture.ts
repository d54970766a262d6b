/**
 * For tests only: the tax agency's server and the population register's, each with its own database, message
 * log and feature; their exchanges are the real ones, from one half to the other without a network. The test
 * breaks the way, moves the clock and restarts.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { type Database, openDatabase } from '#platform/database/open-database.ts'
import type { Finding } from '#platform/health/create-health.ts'
import { toFault } from '#platform/http-service/fault-answer.ts'
import { createJobs, type JobHandler } from '#platform/jobs/create-jobs.ts'
import { jobMigrations } from '#platform/jobs/migrations.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { createMetrics } from '#platform/metrics/create-metrics.ts'
import { Fault, wireFault } from '#schemas/fault.ts'
import { idText, parseServiceId, type ServerId, type SubsystemId } from '#schemas/identifiers.ts'
import { createClientDoor } from '../../consumer/client-door.ts'
import type { ConsumerRooms } from '../../consumer/rooms.ts'
import { createUsedUpQuotas } from '../../consumer/used-up-quotas.ts'
import { NO_TERMS } from '../../global-configuration/contracts/index-contracts.ts'
import type { LocalSystems } from '../../local-systems/local-systems.ts'
import { logFolder, logOptions, openFullLog, type TestLog } from '../../message-log/fixture.ts'
import type { PeerReply, PeerRequest } from '../../peer/client.ts'
import { NotSent } from '../../peer/not-sent.ts'
import { createPeerWorld, type PeerWorld, POPULATION, type Server, TAX } from '../../peer/peer-fixture.ts'
import { createPeerQuota } from '../../peer/peer-quota.ts'
import { createMessageSigner } from '../../peer/sign-message.ts'
import { createMessageVerifier } from '../../peer/verify-message.ts'
import { createPeerVerifier } from '../../peer/verify-peer.ts'
import type { ProviderRooms } from '../../provider/rooms.ts'
import { createServicePlaces } from '../../provider/service-places.ts'
import { carry } from './carry-fixture.ts'
import { deliveries } from './feature.ts'
import { deliveryMigrations } from './migrations.ts'
import type { DeliveryRooms } from './rooms.ts'
import type { DeliverySettings } from './settings.ts'

const INBOX = parseServiceId('DEV/GOV/2000/population/assessments')
const log = createLog({ name: 'test', level: 'fatal' })

type FeatureJob = Required<Awaited<ReturnType<typeof deliveries.open>>>['jobs'][number]

type Side = {
  database: Database
  log: TestLog
  app: FastifyInstance
  jobs(): FeatureJob[]
  /** Runs a job of the feature once. */
  run(kind: string): Promise<void>
  /** What /health/ready would say of deliveries. */
  finding(): Promise<Finding>
  keyFolder: string
  operation(
    id: string,
    input: { params?: object; query?: object; body?: object; roles?: string[] },
  ): Promise<unknown>
  /** One HTTP request of a system. */
  ask(method: 'GET' | 'POST', url: string, headers: object, body?: string | Buffer): Promise<Answered>
  /** What the consumer's half and deliveries offer to features further down the list. */
  offers(): Required<Awaited<ReturnType<typeof deliveries.open>>>['offers'] & {
    clientDoor: ReturnType<typeof createClientDoor>
  }
  /** Ends the feature as a crash would, and opens it anew on the same database. */
  restart(arm?: (rooms: DeliveryRooms) => DeliveryRooms): Promise<void>
}
/** A node of the sending server: like the first one, on the same database. */
export type Node = {
  side: Side
  /** How many requests it has sent. */
  sent: () => number
  /** Takes calls of the other nodes, and with `recurring` runs the feature's jobs, until the test ends. */
  start(q: { recurring: boolean }): Promise<void>
}
export type Answered = { status: number; body: Record<string, unknown> }

export type DeliveryWorld = {
  world: PeerWorld
  sender: Side
  receiver: Side
  settings: DeliverySettings
  /** What happens on the way between the servers; may throw, before or after the other side has answered. */
  way: (post: () => Promise<PeerReply>) => Promise<PeerReply>
  /** The provider's rights. */
  allowed: boolean
  /** Its right to POST alone. */
  mayPost: boolean
  /** What the contract says of secrecy, on both sides. */
  secrecy: 1 | 2 | undefined
  /** Opens another node of the sender. */
  node(name: string, q: { redisUrl?: string; watched?: (database: Database) => Database }): Promise<Node>
  /** The address of the inbox, and its system: statuses of pushes, or a failure. */
  inboxUrl: string
  system: (pushed: Pushed) => number | Promise<number>
  /** What a service of the receiver that is no inbox answers. */
  plainService: (asked: { headers: [string, string][]; body: string }) => number
  /** Further inboxes of the receiver, and their addresses, by service code. */
  otherInboxes: Record<string, string>
}
type Pushed = { url: string; headers: [string, string][]; event: Record<string, unknown> }

/** A failure before the first byte was sent. With `retryAfter`: nobody tries again for so many seconds. */
export function unreachable(retryAfter?: number): Fault {
  return new NotSent(new Fault('network_error', { what: 'nobody listens there', retryAfter }))
}

export async function createDeliveryWorld(
  t: Test,
  urls: { sender: string; receiver: string },
): Promise<DeliveryWorld> {
  const world = await createPeerWorld(t)
  const made = {
    world,
    ...{ allowed: true, mayPost: true },
    secrecy: undefined,
    inboxUrl: 'inbox:',
    otherInboxes: {},
    plainService: () => 200,
    system: () => 200,
    settings: {
      ...{ eventBytes: 100_000, retryHours: 336, attempts: 3, keepDays: 30, sendersAtOnce: 4 },
      ...{ senderEvents: 1000, senderBytes: 1e8, inboxEvents: 1000, inboxBytes: 1e8, typeBytes: 1e8 },
      ...{ outboxEvents: 1000, outboxBytes: 1e8 },
    },
    way: (post) => post(),
  } as Partial<DeliveryWorld> as DeliveryWorld
  const receiverLog = await openLog(t, world.provider, world)
  const senderLog = await openLog(t, world.consumer, world)
  let provider: ProviderRooms | undefined
  made.receiver = await openSide(t, made, {
    ...{ url: urls.receiver, server: world.provider, messageLog: receiverLog, owner: POPULATION },
    post: () => Promise.reject(unreachable()),
    onOpen: (inbox) => {
      provider = providerRooms(made, receiverLog, inbox)
    },
  })
  const folder = folderFor(t)
  made.sender = await openSide(t, made, {
    folder,
    ...{ url: urls.sender, server: world.consumer, messageLog: senderLog, owner: TAX },
    post: (request) => made.way(() => carry(request, provider!, world)),
    onOpen: () => undefined,
  })
  made.node = async (name, { redisUrl, watched }) => {
    let sent = 0
    const q = {
      ...{ url: urls.sender, server: world.consumer, messageLog: senderLog, owner: TAX },
      ...{ name, folder, onOpen: () => undefined, ...(watched && { watched }) },
      ...(redisUrl !== undefined && { redisUrl }),
      post: (request: PeerRequest) => {
        sent += 1
        return made.way(() => carry(request, provider!, world))
      },
    }
    const { side, start } = await openNode(t, made, q)
    return { side, start, sent: () => sent }
  }
  return made
}

function termsOf({ secrecy }: DeliveryWorld) {
  return secrecy === undefined ? NO_TERMS : { ...NO_TERMS, secrecy }
}

function folderFor(t: Test): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-deliveries-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function openLog(t: Test, server: Server, world: PeerWorld): Promise<TestLog> {
  const messageLog = await openFullLog({
    ...{ ...logOptions(logFolder(t)), server: server.id, clock: world.clock },
    // Nothing is time-stamped here, and weeks go by.
    unstampedLimitMs: Number.POSITIVE_INFINITY,
  })
  t.teardown(() => messageLog.close())
  return messageLog
}

type SideQuestion = {
  url: string
  server: Server
  messageLog: TestLog
  owner: SubsystemId
  post(request: PeerRequest): Promise<PeerReply>
  onOpen(inbox: ProviderRooms['inbox']): void
  /** Of one of several nodes. */
  name?: string
  folder?: string
  redisUrl?: string
  /** What looks at its statements. */
  watched?: (database: Database) => Database
}

const openSide = async (t: Test, made: DeliveryWorld, q: SideQuestion): Promise<Side> =>
  (await openNode(t, made, q)).side

async function openNode(
  t: Test,
  made: DeliveryWorld,
  q: SideQuestion,
): Promise<{ side: Side; start: Node['start'] }> {
  const { world } = made
  const { name: node = 'node1', folder = folderFor(t), redisUrl, watched = (same) => same } = q
  const database = watched(await openDatabase(q.url))
  t.teardown(() => database.close())
  // Further nodes find the tables.
  if (q.name === undefined) await migrate(database, { ...deliveryMigrations, ...jobMigrations })
  const handlers: Record<string, JobHandler> = {}
  const places: Record<string, number> = {}
  const { clock } = world
  const jobs = createJobs({ database, clock, log, node, handlers, places, redisUrl })
  t.teardown(() => jobs.stop())
  let feature: Awaited<ReturnType<typeof open>>
  let app: FastifyInstance

  const open = async (arm: (rooms: DeliveryRooms) => DeliveryRooms) => {
    const consumer = consumerRooms(made, q)
    return deliveries.open({
      ...{ server: q.server.id, node, clock, log, database, metrics: createMetrics(), jobs },
      ...{ settings: { deliveries: made.settings }, globalConfiguration: world.globalConfiguration },
      ...{ signMessage: consumer.signMessage, verifyMessage: consumer.verifyMessage },
      ...{ messageLog: q.messageLog, localSystems: localSystems(made, q), armDeliveries: arm },
      clientDoor: createClientDoor(consumer),
      erasureOrders: q.messageLog.retention,
      serviceClient: {
        call: async ({ target, headers, body }: Parameters<DeliveryRooms['serviceClient']['call']>[0]) => {
          const event = JSON.parse(String(body!.bytes)) as Record<string, unknown>
          return { status: await made.system({ url: target, headers, event }) }
        },
      },
      shareIn: () => undefined,
      folder: async (name: string) => {
        mkdirSync(path.join(folder, name), { recursive: true })
        return path.join(folder, name)
      },
    } as Parameters<typeof deliveries.open>[0])
  }
  const side: Side = {
    ...{ database, log: q.messageLog, keyFolder: path.join(folder, 'delivery-keys') },
    jobs: () => feature.jobs!,
    finding: async () => feature.health!['deliveries']!(),
    get app() {
      return app
    },
    offers: () => ({ ...feature.offers!, clientDoor: createClientDoor(consumerRooms(made, q)) }),
    async run(kind) {
      const job = feature.jobs!.find((one) => one.kind === kind)!
      const { signal } = new AbortController()
      await job.run({ id: '', kind, payload: null, attempt: 1, signal })
    },
    operation: async (id, { roles = ['XROAD_SERVICE_ADMINISTRATOR'], ...input }) =>
      (feature.operations![id] as (q: object) => Promise<unknown>)({
        query: {},
        caller: { roles },
        ...input,
      }),
    async ask(method, url, headers, body) {
      const answer = await app.inject({
        method,
        url,
        headers: headers as never,
        ...(body !== undefined && { body }),
      })
      return { status: answer.statusCode, body: JSON.parse(answer.body) as Record<string, unknown> }
    },
    async restart(arm = (same) => same) {
      await app?.close()
      feature = await open(arm)
      q.onOpen(feature.offers!.inbox)
      app = Fastify()
      app.removeAllContentTypeParsers()
      app.addContentTypeParser('*', (_request, _payload, done) => done(null))
      app.setErrorHandler((cause, _request, reply) => {
        const fault = toFault(cause)
        reply.code(fault.status).header('x-road-error', wireFault(fault, 'server.clientproxy').type)
        return reply.send({ type: fault.code, message: fault.message })
      })
      await feature.routes!['clients']!(app)
      await app.ready()
    },
  }
  await side.restart()
  t.teardown(() => app.close())
  const start: Node['start'] = async ({ recurring }) => {
    const named = (feature.jobs ?? []).map((job) => ({
      ...job,
      kind: job.onEachNode === true ? `${job.kind} ${node}` : job.kind,
    }))
    for (const { kind, run, onEachNode } of recurring ? named : []) {
      handlers[kind] = run
      if (onEachNode === true) places[kind] = Number.POSITIVE_INFINITY
    }
    await jobs.start()
    for (const { kind, everySeconds, isDue } of recurring ? named : [])
      await jobs.every(kind, everySeconds!, { isDue })
  }
  return { side, start }
}

function localSystems(made: DeliveryWorld, { owner }: SideQuestion): LocalSystems {
  const service = {
    ...{ id: INBOX, type: 'REST', timeoutMs: 60_000, maxConcurrentCalls: undefined },
    get url() {
      return made.inboxUrl
    },
    ...{ verifyTls: true, validate: 'NONE', trustedCertificates: undefined, disabledNotice: undefined },
    ...{ allowEncodedSlash: false, documentText: undefined },
  }
  const others = () =>
    Object.entries(made.otherInboxes).map(([code, url]) => {
      const id = parseServiceId(`DEV/GOV/2000/population/${code}`)
      return [idText(id), { ...service, id, url }] as const
    })
  const some: Partial<LocalSystems> = {
    client: (id) =>
      idText(id) === idText(owner)
        ? { id: owner, authenticationMode: 'NOSSL', certificates: new Set() }
        : undefined,
    service: (id) =>
      idText(id) === idText(INBOX) ? (service as never) : (new Map(others()).get(idText(id)) as never),
    view: () => {
      const all = [[idText(INBOX), service] as const, ...others()]
      return { services: new Map(all.map(([id, one]) => [id, { service: one }])) } as never
    },
    call: ({ method }) => ({
      isAllowed: made.allowed && (made.mayPost || method !== 'POST'),
      circumstances: () => ({ local: service, key: '', describe: () => ({ side: 'provider' }) }),
    }),
  }
  return some as LocalSystems
}

function consumerRooms(made: DeliveryWorld, q: SideQuestion): ConsumerRooms {
  const { world } = made
  const { keys, id } = q.server
  return {
    ...{ server: id as ServerId, clock: world.clock, globalConfiguration: world.globalConfiguration },
    limits: { maxMessageBytes: 64 * 1024, maxSoapBytes: 1_000_000, maxBodyBytes: 1_000_000 },
    contracts: { contractFor: () => termsOf(made) },
    hostingMandateFor: () => undefined,
    usedUpQuotas: createUsedUpQuotas({ clock: world.clock }),
    localSystems: localSystems(made, q),
    messageLog: q.messageLog,
    signMessage: createMessageSigner({ keys, clock: world.clock }),
    verifyMessage: createMessageVerifier(),
    peerClient: { post: q.post, close: async () => undefined },
    heardTreeHead: () => undefined,
    endOfCourse: () => undefined,
    tracing: { begin: () => undefined, ended: () => undefined },
    authenticationIdentity: keys.authenticationIdentity,
  }
}

function providerRooms(
  made: DeliveryWorld,
  messageLog: TestLog,
  inbox: ProviderRooms['inbox'],
): ProviderRooms {
  const { world } = made
  const { keys, id } = world.provider
  return {
    ...{ server: id, clock: world.clock, keys, messageLog, inbox },
    limits: { maxMessageBytes: 64 * 1024, maxSoapBytes: 1_000_000, maxBodyBytes: 1_000_000 },
    contracts: { contractFor: () => termsOf(made), termsOfRefused: () => NO_TERMS },
    hostingMandateFor: () => undefined,
    mandateServices: { ask: () => Promise.reject(new Error('no contract asks for it')) },
    endOfCourse: () => undefined,
    tracing: { begin: () => undefined, ended: () => undefined },
    monitoring: { answer: () => Promise.reject(new Error('there is no monitoring')) },
    room: { take: () => Promise.reject(new Error('there is no room')) },
    tracker: { take: () => Promise.reject(new Error('there is no tracker')) },
    consents: { take: () => Promise.reject(new Error('no consent was asked for')) },
    consentService: { take: () => Promise.reject(new Error('there are no consents')) },
    previews: {} as never,
    contractQuotas: { take: () => Promise.resolve(() => undefined) },
    servicePlaces: createServicePlaces(),
    globalConfiguration: world.globalConfiguration,
    localSystems: localSystems(made, { owner: POPULATION } as SideQuestion),
    signMessage: createMessageSigner({ keys, clock: world.clock }),
    verifyMessage: createMessageVerifier(),
    verifyPeer: createPeerVerifier(),
    xroadTlsPeers: new Set(),
    quota: createPeerQuota({ perSecond: 1e6, burst: 1e6, underWay: 100, clock: world.clock }),
    beginReading: () => ({ count: () => undefined, end: () => undefined }),
    messageValidator: { judge: () => Promise.reject(new Error('nothing is described')) },
    serviceClient: {
      reach: async () => undefined,
      call: async ({ headers, body, take }) => {
        const answer = { status: made.plainService({ headers, body: String(body?.bytes) }), headers: [] }
        return { ...answer, reason: 'As it says', ...(await take(answer).end()) }
      },
      close: async () => undefined,
    },
  }
}
