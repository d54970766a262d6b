/** Who gets through to the monitoring services, what they are told, and what of it stays: the feature behind a provider's half. */
import t from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { openDatabase } from '#platform/database/open-database.ts'
import { createMetrics } from '#platform/metrics/create-metrics.ts'
import { type ClientId, memberOf, type ServiceId } from '#schemas/identifiers.ts'
import { logReply as logReceived } from '../../consumer/log-reply.ts'
import { POPULATION, TAX } from '../../peer/peer-fixture.ts'
import { exchange } from '../../provider/exchange.ts'
import { createProviderWorld } from '../../provider/fixture.ts'
import { inSoap } from '../../provider/soap-fixture.ts'
import { monitoring } from './feature.ts'
import { OPERATIONAL } from './read-question.ts'

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
const secret = new Set<string>()
const feature = await monitoring.open({
  ...{ clock: world.clock, database, metrics: createMetrics(), server: world.provider.id },
  ...{ globalConfiguration: globalConfiguration as never, localSystems: made.rooms.localSystems },
  keys: world.provider.keys,
  settings: { monitoring: { keepDays: 7, personalData: false }, directory: '/' },
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
