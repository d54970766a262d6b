/**
 * For tests only: a room of the tax agency, on the database and over the real one-way messages of its server;
 * the inbox of the population register takes what is sent. What the provider's half would hand to the room is
 * handed to it here.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Readable } from 'node:stream'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Kysely } from 'kysely'
import t, { type Test } from 'tap'
import { fieldRule } from '#core/contract/allowed-fields.ts'
import { migrate } from '#platform/database/migrate.ts'
import type { Database } from '#platform/database/open-database.ts'
import type { Finding } from '#platform/health/create-health.ts'
import { toFault } from '#platform/http-service/fault-answer.ts'
import { createJobs, type JobHandler } from '#platform/jobs/create-jobs.ts'
import { jobMigrations } from '#platform/jobs/migrations.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { createMetrics } from '#platform/metrics/create-metrics.ts'
import { wireFault } from '#schemas/fault.ts'
import { idText, parseClientId, parseServiceId } from '#schemas/identifiers.ts'
import { skipFor } from '#test/outside-tools.ts'
import { hasPostgresql, postgresql } from '#test/postgresql.ts'
import { NO_TERMS, type RecordTerms } from '../../global-configuration/contracts/index-contracts.ts'
import type { LocalSystems } from '../../local-systems/local-systems.ts'
import type { InboxRequest, Room } from '../../peer/inbox.ts'
import { createDeliveryWorld, type DeliveryWorld } from '../deliveries/delivery-fixture.ts'
import { deliveryMigrations } from '../deliveries/migrations.ts'
import { subscriptions } from './feature.ts'
import { subscriptionMigrations } from './migrations.ts'
import type { SubscriptionRooms } from './rooms.ts'

export const ROOM = 'DEV/GOV/1000/tax/events'
export const ROOM_ID = 'DEV:GOV:1000:tax:events'
export const INBOX = 'DEV/GOV/2000/population/assessments'
export const SUBSCRIBER = 'DEV/GOV/2000/population'
export const TYPE = 'org.example.assessed'
export const AS_TAX = { 'x-road-client': 'DEV/GOV/1000/tax' }
export const PUB = `/rooms/v1/${ROOM}/pub/v1/${TYPE}`

const log = createLog({ name: 'test', level: 'fatal' })

type Answered = {
  status: number
  body: Record<string, unknown>
  fields?: { removed: { names: string[] } }
}
type Body = object | string | Buffer
export type Given = { id: string; sequence: string; sequenceafter?: string }

/** One node of the publisher's server. */
type Node = {
  app: FastifyInstance
  room: Room
  jobs: ReturnType<DeliveryWorld['sender']['jobs']>
  /** Takes calls of the other nodes, and with `recurring` runs the feature's jobs, until the test ends. */
  start(q: { recurring: boolean }): Promise<void>
  run(kind: string): Promise<void>
  operation(
    id: string,
    input?: { query?: object; params?: object; body?: object; roles?: string[] },
  ): Promise<Record<string, unknown>>
  /** It works no more; nothing is tidied up. */
  end(): Promise<void>
  metrics(): Promise<string>
  health(): Promise<Finding>
  /** A request of a peer to the room; throws the fault of a refusal. */
  ask(method: string, path: string, body?: Body, client?: string, record?: number): Promise<Answered>
}

export type RoomWorld = {
  made: DeliveryWorld
  node: Node
  /** Fields of the contract under which subscribers ask and are given events; undefined for none. */
  fields: string[] | undefined
  /** How secret that contract is. */
  secrecy: 1 | 2 | undefined
  /** Thrown where a contract is asked for. */
  contractFault: Error | undefined
  allowed: boolean
  open(
    name: string,
    arm?: (rooms: SubscriptionRooms) => SubscriptionRooms,
    q?: { database?: Database; redisUrl?: string },
  ): Promise<Node>
  publish(event?: object): Promise<Answered>
}

/** One event of the type, as a system hands it over. */
export function event(more: object = {}): Record<string, unknown> {
  const id = String(Math.random()).slice(2)
  return { specversion: '1.0', id, source: '/tax', type: TYPE, datacontenttype: 'application/json', ...more }
}

export async function onBoth(name: string, act: (t: Test, world: RoomWorld) => Promise<void>): Promise<void> {
  await t.test(`${name}, on sqlite`, async (t) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'concordat-rooms-'))
    t.teardown(() => rmSync(folder, { recursive: true, force: true }))
    const at = (file: string): string => `sqlite:${path.join(folder, file)}`
    await act(t, await createRoomWorld(t, { sender: at('sender.db'), receiver: at('receiver.db') }))
  })
  await t.test(`${name}, on postgresql`, async (t) => {
    if (!hasPostgresql()) return skipFor(t, 'PostgreSQL is not installed')
    const server = await postgresql()
    const urls = { sender: await server.freshDatabase(), receiver: await server.freshDatabase() }
    await act(t, await createRoomWorld(t, urls))
  })
}

async function createRoomWorld(t: Test, urls: { sender: string; receiver: string }): Promise<RoomWorld> {
  const made = await createDeliveryWorld(t, urls)
  await migrate(made.sender.database, { ...deliveryMigrations, ...jobMigrations, ...subscriptionMigrations })
  const world = {
    ...{ made, fields: undefined, secrecy: undefined, contractFault: undefined, allowed: true },
    open: (node, arm = (same) => same, { database = made.sender.database, redisUrl } = {}) =>
      openNode(t, world, { node, arm, database, redisUrl }),
    async publish(more = {}) {
      const answer = await world.node.app.inject({
        ...{ method: 'POST', url: PUB, payload: JSON.stringify(event(more)) },
        headers: { ...AS_TAX, 'content-type': 'application/cloudevents+json' },
      })
      return { status: answer.statusCode, body: JSON.parse(answer.body) as Record<string, unknown> }
    },
  } as Partial<RoomWorld> as RoomWorld
  world.node = await world.open('node1')
  return world
}

async function openNode(
  t: Test,
  world: RoomWorld,
  q: {
    node: string
    arm: (rooms: SubscriptionRooms) => SubscriptionRooms
    database: Database
    redisUrl: string | undefined
  },
): Promise<Node> {
  const { made } = world
  const { sender } = made
  const metrics = createMetrics()
  const { clock } = made.world
  const handlers: Record<string, JobHandler> = {}
  const places: Record<string, number> = {}
  const jobs = createJobs({ ...q, clock, log, handlers, places })
  t.teardown(() => jobs.stop())
  const feature = await subscriptions.open({
    ...{ node: q.node, clock, log, database: q.database, metrics, jobs },
    ...{ ...sender.offers(), settings: { deliveries: made.settings }, armSubscriptions: q.arm },
    ...{ messageLog: sender.log, erasureOrders: sender.log.retention },
    globalConfiguration: made.world.globalConfiguration,
    contracts: { contractFor: () => termsOf(world) },
    localSystems: localSystems(world),
  } as Parameters<typeof subscriptions.open>[0])
  const app = Fastify()
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  app.setErrorHandler((cause, _request, reply) => {
    const fault = toFault(cause)
    return reply
      .code(fault.status)
      .header('x-road-error', wireFault(fault, 'server.clientproxy').type)
      .send({ type: fault.code, message: fault.message })
  })
  await feature.routes!['clients']!(app)
  await app.ready()
  t.teardown(async () => {
    await feature.drain!()
    await feature.close!()
    await app.close()
  })
  const { room } = feature.offers!
  return {
    ...{ app, room, jobs: feature.jobs! },
    async start({ recurring }) {
      const named = feature.jobs!.map((job) => ({ ...job, kind: `${job.kind} ${q.node}` }))
      for (const { kind, run } of recurring ? named : []) {
        handlers[kind] = run
        places[kind] = Number.POSITIVE_INFINITY
      }
      await jobs.start()
      for (const { kind, everySeconds, isDue } of recurring ? named : [])
        await jobs.every(kind, everySeconds!, { isDue })
    },
    async run(kind) {
      const job = feature.jobs!.find((one) => one.kind === kind)!
      await job.run({ id: '', kind, payload: null, attempt: 1, signal: new AbortController().signal })
    },
    operation: async (id, { roles = ['XROAD_SERVICE_ADMINISTRATOR'], ...input } = {}) =>
      (await (feature.operations![id] as unknown as (q: object) => Promise<unknown>)({
        ...{ query: { limit: 50 }, params: {}, caller: { roles }, ...input },
      })) as Record<string, unknown>,
    end: () => feature.drain!(),
    metrics: () => metrics.registry.metrics(),
    health: async () => feature.health!['rooms']!(),
    async ask(method, at, body, client = SUBSCRIBER, record = 7) {
      const answer = await room.take(requestOf({ method, at, body, client, record }, world))
      const { status, fields } = answer
      const text = String(answer.body!.bytes)
      return { status, body: JSON.parse(text) as Record<string, unknown>, ...(fields && { fields }) }
    },
  }
}

function requestOf(
  q: { method: string; at: string; body: Body | undefined; client: string; record: number },
  world: RoomWorld,
): InboxRequest {
  const [servicePath = '', query] = q.at.split('?')
  const text = typeof q.body === 'object' && !Buffer.isBuffer(q.body) ? JSON.stringify(q.body) : q.body
  const bytes = text === undefined ? undefined : Buffer.from(text)
  const asked = { method: q.method, servicePath, query }
  return {
    request: {
      ...asked,
      client: parseClientId(q.client),
      service: parseServiceId(ROOM),
    } as InboxRequest['request'],
    headers: [['content-type', 'application/cloudevents+json']],
    body: bytes && { size: bytes.length, bytes, open: () => Readable.from([bytes]) },
    ...{ peer: world.made.world.provider.id, record: q.record, terms: termsOf(world) },
    checkEndpoint: () => undefined,
    spool: () => world.made.sender.log.spool.begin({ maxBytes: 8_000_000 }),
  }
}

function termsOf({ fields, secrecy, contractFault }: RoomWorld): RecordTerms {
  if (contractFault !== undefined) throw contractFault
  if (fields === undefined && secrecy === undefined) return NO_TERMS
  return {
    ...{ contract: 'C-1/1', ...(secrecy !== undefined && { secrecy }) },
    fields: fields === undefined ? {} : { response: fieldRule(fields) },
  }
}

function localSystems(world: RoomWorld): LocalSystems {
  const service = { id: parseServiceId(ROOM), type: 'REST', url: 'room:', disabledNotice: undefined }
  const some: Partial<LocalSystems> = {
    service: (id) => (idText(id) === ROOM ? (service as never) : undefined),
    view: () => ({ services: new Map([[ROOM, { service }]]) }) as never,
    call: () => ({ isAllowed: world.allowed }) as never,
  }
  return some as LocalSystems
}

/** What the outbox has for an inbox, in the order of acceptance. */
export async function given({ made }: RoomWorld, inbox: string): Promise<Given[]> {
  const { sender } = made
  const { kysely } = sender.database as unknown as { kysely: Kysely<Record<string, Record<string, unknown>>> }
  const rows = await kysely
    .selectFrom('outbox')
    .innerJoin('delivery_route', 'delivery_route.id', 'outbox.route')
    .select(['delivery', 'content', 'position'])
    .where('service', '=', `${SUBSCRIBER}/${inbox}`)
    .orderBy('position')
    .execute()
  const { open } = sender.offers().eventSeals.keys
  return rows.map(
    (row) =>
      JSON.parse(open(`event ${String(row['delivery'])}`, row['content'] as Buffer).toString()) as Given,
  )
}

/** Every event names the one before it. */
export function isChain(events: Given[]): boolean {
  return events.every(({ sequenceafter }, i) => sequenceafter === events[i - 1]?.sequence)
}
