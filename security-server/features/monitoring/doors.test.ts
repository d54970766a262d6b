/**
 * Who gets through to the monitoring services, what they are told, and what of it stays: the feature behind a
 * provider's half.
 */
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { writeSoap } from '#core/transport/write-soap.ts'
import { migrate } from '#platform/database/migrate.ts'
import { openDatabase } from '#platform/database/open-database.ts'
import { createMetrics } from '#platform/metrics/create-metrics.ts'
import { Fault } from '#schemas/fault.ts'
import { type ClientId, memberOf, parseClientId, type ServiceId } from '#schemas/identifiers.ts'
import { createConsumerWorld } from '../../consumer/fixture.ts'
import { logReply as logReceived } from '../../consumer/log-reply.ts'
import { watchedExchange } from '../../consumer/watched-exchange.ts'
import type { SystemAnswer } from '../../message/message.ts'
import { soap } from '../../message/soap.ts'
import { type Course, watched } from '../../peer/course.ts'
import type { MonitoringRequest } from '../../peer/monitoring.ts'
import { POPULATION, TAX } from '../../peer/peer-fixture.ts'
import { exchange } from '../../provider/exchange.ts'
import { createProviderWorld, type Question, refusalIn } from '../../provider/fixture.ts'
import { inSoap } from '../../provider/soap-fixture.ts'
import { monitoring } from './feature.ts'
import { OPERATIONAL } from './read-question.ts'
import type { OperationalRecord } from './record-fields.ts'
import { createOperationalStore } from './store.ts'

const made = await createProviderWorld(t)
const { world, log } = made
const OWNER = memberOf(POPULATION)
let watcher: ClientId | undefined

/** The world's, with the monitoring client that a test names. */
const globalConfiguration = {
  ...world.globalConfiguration,
  current: () => {
    const snapshot = world.globalConfiguration.current()
    return { ...snapshot, index: { ...snapshot.index, monitoringClient: watcher } }
  },
}
const database = await openDatabase('sqlite::memory:')
t.teardown(() => database.close())
await migrate(database, monitoring.migrations!)
const metrics = createMetrics()
const secret = new Set<string>()
const feature = await monitoring.open({
  ...{ clock: world.clock, database, metrics, server: world.provider.id },
  ...{ globalConfiguration: globalConfiguration as never, localSystems: made.rooms.localSystems },
  keys: world.provider.keys,
  settings: { monitoring: { keepDays: 7, personalData: false }, directory: '/' },
  telemetryState: async () => undefined,
  contracts: { secrecyBetween: (a, b) => (secret.has(`${a} ${b}`) ? 2 : 0) },
})
t.teardown(() => feature.close?.())
const { monitoring: services, endOfCourse } = feature.offers!
const rooms = {
  ...made.rooms,
  globalConfiguration: globalConfiguration as never,
  monitoring: services,
  endOfCourse,
}

function serviceOf(serviceCode: string, more: Partial<ServiceId> = {}): ServiceId {
  return { ...OWNER, serviceCode, ...more }
}

const ask = (service: ServiceId, q: { client?: ClientId; element?: string; body?: string } = {}) => {
  const { client = TAX, element = service.serviceCode, body = '' } = q
  const namespace = service.serviceCode.endsWith('Metrics') ? 'http://x-road.eu/xsd/monitoring' : OPERATIONAL
  return inSoap(made, {
    ...{ client, service },
    content: `<m:${element} xmlns:m="${namespace}">${body}</m:${element}>`,
  })
}
const period = (to: number): string =>
  `<m:searchCriteria><m:recordsFrom>0</m:recordsFrom><m:recordsTo>${to}</m:recordsTo></m:searchCriteria>`

t.beforeEach(() => {
  watcher = undefined
  log.records.length = 0
})

t.test('no log of either server keeps what was told', async (t) => {
  for (const [code, body] of [
    ['getSecurityServerOperationalData', period(1)],
    ['getSecurityServerHealthData', ''],
  ] as const) {
    log.records.length = 0
    await exchange(await ask(serviceOf(code), { body }), rooms)
    t.same(log.told(), ['request:', 'reply:ok'], code)
    t.same(
      log.records.map(({ logLevel }) => logLevel),
      [undefined, 'digest'],
      "the question is evidence as any other, at the provider's server",
    )
    const request = { protocol: 'SOAP', client: TAX, service: serviceOf(code), servicePath: '' }
    const asked = { request, terms: { contract: '' }, record: { index: 0 } } as never
    const received = { reply: { ...request, id: 'q', requestId: 'r', status: 200 } } as never
    await logReceived(received, asked, { ...rooms, heardTreeHead: () => undefined } as never)
    t.equal(log.records.at(-1)?.logLevel, 'digest', "and at the asker's")
  }
})

t.test('whom nothing proves has no record', async (t) => {
  const made = await createConsumerWorld(t)
  const ended: Course[] = []
  const rooms = { ...made.rooms, endOfCourse: (course: Course) => void ended.push(course) }
  const call = async (q?: Parameters<typeof made.arrival>[0]): Promise<boolean> => {
    const { codec, ...arrival } = made.arrival(q)
    await watchedExchange({ codec, ...arrival }, rooms).catch(() => undefined)
    return ended.pop()?.request !== undefined
  }
  t.ok(await call())
  made.peer = () => made.faultOf({ type: 'server.serverproxy.access_denied', message: 'no', detail: '' })
  t.ok(await call(), 'what the provider refused has one')
  t.notOk(await call({ headers: ['X-Road-Client', 'DEV/GOV/2000/population'] }), 'in the name of another')
  t.notOk(await call({ url: '/r1/DEV/GOV/9999/nobody/persons' }), 'a provider that does not exist')
  made.local = { ...made.local, authenticationMode: 'SSLAUTH' }
  t.notOk(await call(), 'no certificate')
  t.equal(ended.length, 0, 'each is told of once')
})

t.test('at the provider, a client is known when it is one of the server that asks', async (t) => {
  const ended: Course[] = []
  const call = async (q: Partial<Question> = {}, more: Partial<typeof rooms> = {}): Promise<Course> => {
    const { clock } = world
    const told = { clock, endOfCourse: (course: Course) => void ended.push(course), tracing: rooms.tracing }
    await watched({ half: 'provider', origin: 'server.serverproxy' }, told, async (course) =>
      exchange({ ...(await made.ask(q)), course }, { ...rooms, ...more }),
    ).catch(() => undefined)
    return ended.pop()!
  }
  t.ok((await call()).request)
  made.allowed = false
  t.ok((await call()).request, 'refused early, and told to both sides')
  made.allowed = true
  world.reconfigure((shared) => ({
    ...shared,
    securityServers: shared.securityServers.map((one) => ({ ...one, clients: [POPULATION] })),
  }))
  const claimed = await call()
  t.match(claimed, { peer: world.consumer.id, request: undefined }, 'a client of another server')
  world.restore()
  const take = () => Promise.reject(new Fault('contract_quota_used_up', { what: 'c0ffee' }))
  t.match(await call({}, { contractQuotas: { take } }), { isOnlyCounted: true }, 'by the thousand')
})

/** What the job has written, as the lines of rows. */
async function written(): Promise<{ secret: boolean; line: string }[]> {
  await feature.jobs![0]!.run({} as never)
  const rows = createOperationalStore(database).between(0, Number.MAX_SAFE_INTEGER)
  const found: { secret: boolean; line: string }[] = []
  for await (const { secret, lines } of rows) found.push(...lines.map((line) => ({ secret, line })))
  return found
}

t.test('an exchange between members of a secret contract is secret, whatever became of it', async (t) => {
  secret.add('DEV/GOV/1000 DEV/GOV/2000')
  t.teardown(() => secret.clear())
  const course = async (more: Partial<typeof rooms> = {}): Promise<void> => {
    const { clock } = world
    const told = { clock, endOfCourse, tracing: rooms.tracing }
    await watched({ half: 'provider', origin: 'server.serverproxy' }, told, async (course) =>
      exchange({ ...(await made.ask({ headers: ['X-Road-Id', 'mine'] })), course }, { ...rooms, ...more }),
    ).catch(() => undefined)
  }
  const under = (terms: object) => ({
    contracts: { contractFor: () => terms as never, termsOfRefused: () => terms as never },
  })
  await course()
  await course(under({ contract: 'open/1' }))
  await course(under({ contract: 'secret/1', secrecy: 2 }))
  made.allowed = false
  await course()
  made.allowed = true
  const mine = (await written()).filter(({ line }) => line.includes('"messageId":"mine"'))
  const kinds = mine.map((one) => `${one.secret} ${/"succeeded":(\w+)/.exec(one.line)?.[1]}`)
  t.same(kinds.sort(), ['false true', 'true false', 'true true', 'true true'])
  const before = mine.length
  const take = () => Promise.reject(new Fault('contract_quota_used_up', { what: 'c0ffee' }))
  await course({ contractQuotas: { take } })
  t.equal((await written()).filter(({ line }) => line.includes('mine')).length, before, 'counted alone')
})

t.test('what cannot be made a record costs that one, which is counted', async (t) => {
  const before = (await written()).length
  const request = {
    get client(): never {
      throw new Error('unreadable')
    },
  } as never
  endOfCourse({ half: 'consumer', requestIn: 1, request })
  await exchange(await made.ask(), rooms)
  endOfCourse({ half: 'consumer', requestIn: 1 })
  t.equal((await written()).length, before)
  t.match(await metrics.registry.metrics(), /^concordat_operational_records_lost_total 1$/m)
})

t.test(
  'who gets through: every member, to a service of the owner, and to the metrics two alone',
  async (t) => {
    const refused = async (arrival: ReturnType<typeof ask>): Promise<string> =>
      (await refusalIn(made, exchange(await arrival, rooms))).fault.code
    const [data, health, metrics] = ['OperationalData', 'HealthData', 'Metrics'].map((one) =>
      serviceOf(`getSecurityServer${one}`),
    ) as [ServiceId, ServiceId, ServiceId]
    await exchange(await ask(health), rooms)
    const foreign = { ...health, ...memberOf(TAX) }
    t.match(await refused(ask(foreign)), 'unknown_member', 'of an owner whose server this is not')
    t.equal(await refused(ask(data, { element: health.serviceCode, body: '' })), 'inconsistent_headers')
    t.equal(
      await refused(ask({ ...health, serviceVersion: 'v1' })),
      'unknown_service',
      'they have no version',
    )
    t.equal(await refused(ask({ ...health, ...POPULATION })), 'unknown_service', 'nor belong to a subsystem')
    t.equal(await refused(ask(metrics)), 'access_denied', 'a member that may call every service')
    watcher = memberOf(TAX)
    t.equal(await refused(ask(metrics)), 'access_denied', 'a subsystem of the monitoring client')
    watcher = TAX
    await exchange(await ask(metrics), rooms)
    t.equal(await refused(ask(metrics, { client: memberOf(TAX) })), 'access_denied', 'its owner')
  },
)

/** What the feature answers to somebody whom the doors have let in. */
async function answerTo(...asked: Parameters<typeof questionOf>): Promise<SystemAnswer> {
  return services.answer(await questionOf(...asked))
}

async function questionOf(client: ClientId, service: ServiceId, body: string): Promise<MonitoringRequest> {
  const content = `<m:${service.serviceCode} xmlns:m="${OPERATIONAL}">${body}</m:${service.serviceCode}>`
  const message = Buffer.from(writeSoap({ client, service, id: 'q' }, content))
  const part = { contentType: 'text/xml; charset=UTF-8', headers: [], bytes: message }
  const request = await soap.readRequest(part, (name) => (name === 'x-road-request-id' ? 'r' : undefined))
  return { request, message, spool: () => world.spool.begin({ maxBytes: 1e7 }) }
}

t.test('what each is told: all, its own, and of secret exchanges the parties alone', async (t) => {
  const { clock } = world
  // The job wrote them just now, which nobody is told of for a minute.
  await written()
  world.skew += 120_000
  t.teardown(() => world.restore())
  const told = async (client: ClientId): Promise<OperationalRecord[]> => {
    const service = serviceOf('getSecurityServerOperationalData')
    const answer = await answerTo(client, service, period(Math.floor(clock() / 1000)))
    const bytes = await buffer(answer.body!.open())
    await answer.body!.discard()
    return (JSON.parse(gunzipSync(bytes).toString()) as { records: OperationalRecord[] }).records
  }
  const [all, own, parties, none] = [
    await told(OWNER),
    await told(TAX),
    await told(POPULATION),
    await told(parseClientId('DEV/GOV/77')),
  ]
  t.ok(all.length > 0)
  t.ok(all.every((one) => one.securityServerInternalIp !== undefined))
  const mine = (records: OperationalRecord[]): number =>
    records.filter(({ messageId }) => messageId === 'mine').length
  t.equal(mine(all), 1, 'of the four, the one under the open contract')
  t.equal(mine(own), 4)
  t.equal(mine(parties), 4)
  t.ok(own.every((one) => one.securityServerInternalIp === undefined))
  t.same(none, [])
  watcher = parseClientId('DEV/GOV/77')
  t.equal((await told(watcher)).length, all.length, 'the monitoring client as the owner')
  watcher = TAX
  const both = await told(TAX)
  t.equal(mine(both), 4, 'who sees all is told its own secret exchanges too')
  t.ok(both.length >= all.length + 3)
})

t.test('each asks one question at a time, and nobody takes the place of those who see all', async (t) => {
  const service = serviceOf('getSecurityServerHealthData')
  const asking = (name: string) => questionOf(parseClientId(name), service, '')
  const others = ['DEV/GOV/1', 'DEV/GOV/1', 'DEV/GOV/2', 'DEV/GOV/3', 'DEV/GOV/4', 'DEV/GOV/2000']
  const questions = await Promise.all(others.map(asking))
  const outcomes = await Promise.allSettled(questions.map((one) => services.answer(one)))
  t.same(
    outcomes.map((one) => (one.status === 'rejected' ? (one.reason as Fault).code : 'told')),
    ['told', 'too_many_requests', 'told', 'told', 'too_many_requests', 'told'],
  )
  await services.answer(questions[0]!)
})

t.test('health: of services that the asker may call', async (t) => {
  const told = async (client: ClientId): Promise<boolean> => {
    const answer = await answerTo(client, serviceOf('getSecurityServerHealthData'), '')
    return /<id:serviceCode>persons</.test(answer.message!.bytes.toString().split('servicesEvents>')[1]!)
  }
  t.ok(await told(TAX))
  made.allowed = false
  t.teardown(() => Object.assign(made, { allowed: true }))
  t.notOk(await told(TAX), 'no right, nothing of it')
  t.ok(await told(POPULATION), 'but its provider')
  t.ok(await told(OWNER))
})

t.test('the page of the console is told what is kept, and for whom', async (t) => {
  const told = () => feature.operations!['getMonitoring']!({} as never) as Promise<Record<string, unknown>>
  watcher = undefined
  const { records } = await createOperationalStore(database).state()
  t.match(await told(), { keepDays: 7, personalData: false, records, lost: 1, client: undefined })
  watcher = parseClientId('DEV/GOV/1000/tax')
  t.equal((await told())['client'], 'DEV:GOV:1000:tax')
  watcher = undefined
})
