/**
 * Operational data on both stores: records of courses, pages of them, who is told what; questions as nobody
 * should write them.
 */
import { open } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'
import { createQueryId } from 'kysely'
import t from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { type Database, openDatabase } from '#platform/database/open-database.ts'
import { type ClientId, parseClientId, parseServerId, parseServiceId } from '#schemas/identifiers.ts'
import { eachDatabase } from '#test/databases.ts'
import type { Course } from '../../peer/course.ts'
import { answerOperationalData } from './answer-operational-data.ts'
import { createRecordBuffer } from './buffer.ts'
import { createHealthWindow } from './health-window.ts'
import { createMachine } from './machine.ts'
import { maySeeAll } from './may-see.ts'
import { readHealthQuestion, readMetricsQuestion, readOperationalQuestion } from './read-question.ts'
import type { OperationalRecord } from './record-fields.ts'
import { createOperationalStore, monitoringMigrations } from './store.ts'
import { writeRecord } from './write-record.ts'
import { createRecordWriter, forgetOld } from './write-records.ts'

const SERVER = parseServerId('DEV/GOV/1/SS')
const [TAX, OTHER] = ['DEV/GOV/2/tax', 'DEV/GOV/3/other'].map(parseClientId) as [ClientId, ClientId]
const LIMITS = { records: 4, looked: 100, offsetSeconds: 60 }

function course(client: ClientId, more: Partial<Course> = {}): Course {
  const request = {
    ...{ protocol: 'REST', client, service: parseServiceId('DEV/GOV/1/population/persons') },
    ...{
      id: 'q',
      requestId: 'r',
      method: 'GET',
      servicePath: '/persons/EE38001010000',
      query: 'x=EE38001010000',
    },
    ...{ actors: { userId: 'EE38001010000', representedParty: 'GOV/7' }, issue: 'case EE38001010000' },
  } as never
  return {
    ...{ half: 'provider', requestIn: 1, requestOut: 2, responseIn: 3, responseOut: 5, request },
    ...{
      asked: { message: 10, body: 5, attachments: 0 },
      answered: { message: 20, body: 7, attachments: 0 },
    },
    ...{ status: 200, serviceType: 'OPENAPI', endpoint: '/persons/*', peer: parseServerId('DEV/GOV/2/SS') },
    ...more,
  }
}

const recording = (personalData = false) => ({
  ...{ server: SERVER, internalIp: () => '10.0.0.1', personalData },
  addressOf: ({ memberCode }: { memberCode: string }) => `ss${memberCode}`,
})

void t.test('a record says when, who, how large and how it ended, and nothing of a person', async (t) => {
  const record = writeRecord(course(TAX), recording())
  t.match(record, {
    ...{ securityServerType: 'Producer', requestInTs: 1, requestOutTs: 2, responseInTs: 3, responseOutTs: 5 },
    ...{ clientMemberCode: '2', clientSubsystemCode: 'tax', serviceCode: 'persons', restPath: '/persons/*' },
    ...{ requestSize: 15, responseSize: 27, requestAttachmentCount: 0, succeeded: true, statusCode: 200 },
    ...{ serviceType: 'OPENAPI3', clientSecurityServerAddress: 'ss2', serviceSecurityServerAddress: 'ss1' },
  })
  t.notMatch(JSON.stringify(record), /EE38001010000/)
  t.match(writeRecord(course(TAX), recording(true)), {
    ...{ messageUserId: 'EE38001010000', messageIssue: 'case EE38001010000' },
    ...{ representedPartyClass: 'GOV', representedPartyCode: '7' },
  })
  const failed = (type: string) =>
    writeRecord(course(TAX, { fault: { type, message: 'about EE1', detail: '' } }), recording())
  t.match(failed('server.serverproxy.service_failed'), { succeeded: false, faultString: 'about EE1' })
  for (const type of ['SOAP-ENV:Server', 'server.serverproxy.unknown_member', 'client.unknown_service'])
    t.same(failed(type)?.faultString, undefined, type)
  t.equal(failed('EE38001010000 is dead')?.faultCode, 'service_fault', "a system's own words")
  t.equal(failed('server.clientproxy.unknown_member')?.faultCode, 'server.clientproxy.unknown_member')
  t.match(writeRecord(course(TAX, { status: 404 }), recording()), { succeeded: false, statusCode: 404 })
  const { request: _, ...unread } = course(TAX)
  t.equal(writeRecord(unread, recording()), undefined)
})

await eachDatabase(t, async (_name, t, url) => {
  const database = await openDatabase(url)
  t.teardown(() => database.close())
  await migrate(database, monitoringMigrations)
  const store = createOperationalStore(database)
  let now = 1_000_000
  const lost: number[] = []
  const buffer = createRecordBuffer({ most: 10, onLost: (count) => lost.push(count) })
  const asked: string[] = []
  const secrecyBetween = (a: string, b: string): number => {
    asked.push(`${a} ${b}`)
    return b === 'DEV/GOV/9' ? 2 : 0
  }
  const rooms = { store, buffer, clock: () => now, secrecyBetween }
  const writer = createRecordWriter(rooms)
  const lineOf = (one: Course): string => JSON.stringify(writeRecord(one, recording()))
  const write = async (...courses: Course[]) => {
    for (const one of courses) buffer.add({ line: lineOf(one), secret: (one.secrecy ?? 0) > 0 })
    await writer.write()
    now += 1000
  }
  const ask = async (
    q: { from?: number; to?: number; fields?: string[]; provider?: ClientId } = {},
    only?: ClientId,
    limits = LIMITS,
  ) => {
    const question = { from: 0, to: 1_000_000, fields: [], provider: undefined, ...q }
    const asker = { client: only ?? parseClientId('DEV/GOV/1'), seesAll: only === undefined }
    const told = await answerOperationalData(question, asker, { store, clock: () => now, limits })
    const { records } = JSON.parse(gunzipSync(told.attachment).toString()) as { records: OperationalRecord[] }
    t.equal(records.length, told.records)
    return { records, next: told.nextRecordsFrom }
  }

  await write(course(TAX), course(OTHER)) // 1000
  await write(course(TAX), course(TAX, { secrecy: 2 }), course(OTHER)) // 1001
  await write(course(TAX)) // 1002
  await t.test('pages end with a whole second and say where to go on', async (t) => {
    await t.rejects(ask({ from: 1000 }), { code: 'invalid_request' }, 'too young')
    now += 60_000
    const first = await ask()
    t.same(
      first.records.map(({ monitoringDataTs }) => monitoringDataTs),
      [1000, 1000, 1001, 1001],
    )
    t.equal(first.next, 1002)
    const second = await ask({ from: 1002 })
    t.same(second.records.length, 1)
    t.equal(second.next, 1003, 'the question reached into what is told later')
    t.same((await ask({ from: 1000, to: 1000 })).next, undefined)
    t.same((await ask({ to: 999 })).records, [])
    const sparse = await ask({}, OTHER, { ...LIMITS, looked: 2 })
    t.same([sparse.records.length, sparse.next], [1, 1001], 'who sees little goes on too')
  })

  await t.test('everybody is told of its own, and of what is secret its parties alone', async (t) => {
    const secrets = { ...LIMITS, records: 100 }
    t.equal((await ask({}, undefined, secrets)).records.length, 5, 'the owner too is not told')
    const own = (await ask({}, TAX, secrets)).records
    t.equal(own.length, 4)
    t.ok(own.every((one) => one.clientMemberCode === '2' && one.securityServerInternalIp === undefined))
    t.equal((await ask({}, parseClientId('DEV/GOV/1/population'), secrets)).records.length, 6)
    for (const near of ['DEV/GOV/2', 'DEV/GOV/2/ta', 'DEV/GOV/2/tax2', 'XX/GOV/2/tax'])
      t.same((await ask({}, parseClientId(near), secrets)).records, [], near)
    const provider = parseClientId('DEV/GOV/1/population')
    t.equal((await ask({ provider }, OTHER, secrets)).records.length, 2)
    t.same((await ask({ provider: TAX }, OTHER, secrets)).records, [], "criteria of others' records")
    const fields = ['serviceCode', 'securityServerInternalIp']
    t.same((await ask({ fields }, OTHER, secrets)).records[0], { serviceCode: 'persons' })
    t.same((await ask({ fields }, undefined, secrets)).records[0], {
      ...{ securityServerInternalIp: '10.0.0.1', serviceCode: 'persons' },
    })
  })

  await t.test('times that are turned round, negative or unknown fields are refused', async (t) => {
    for (const wrong of [
      { from: 5, to: 4 },
      { from: -1 },
      { to: -1, from: -2 },
      { fields: ['id'] },
      { fields: ['__proto__'] },
    ])
      await t.rejects(ask(wrong), { code: 'invalid_request' }, JSON.stringify(wrong))
    await t.resolves(ask({ to: Number.MAX_SAFE_INTEGER }), 'a huge range is cut')
  })

  await t.test('a database that takes nothing costs the oldest, once there are too many', async (t) => {
    const away = { ...store, add: () => Promise.reject(new Error('away')) }
    const broken = createRecordWriter({ ...rooms, store: away })
    const add = (count: number) => {
      for (let i = 0; i < count; i++) buffer.add({ line: lineOf(course(TAX)), secret: false })
    }
    add(9)
    await t.rejects(broken.write())
    t.same([broken.waiting(), lost], [9, []])
    add(13)
    await t.rejects(broken.write())
    t.same([broken.waiting(), lost], [18, [2, 2]], 'what was to be written, and ten that came since')
    await write()
    t.equal(writer.waiting(), 0)
  })

  await t.test('what was taken before the connection broke is not written twice', async (t) => {
    const before = (await store.state()).records
    let isLost = true
    const add: typeof store.add = async (...rows) => {
      await store.add(...rows)
      if (isLost) throw new Error('the answer was lost')
    }
    const broken = createRecordWriter({ ...rooms, store: { ...store, add } })
    for (let i = 0; i < 3; i++) buffer.add({ line: lineOf(course(TAX)), secret: i === 0 })
    await t.rejects(broken.write())
    now += 1000
    isLost = false
    buffer.add({ line: lineOf(course(TAX)), secret: false })
    await broken.write()
    t.equal((await store.state()).records - before, 4)
    t.equal(broken.waiting(), 0)
  })

  await t.test('where no contract was known the members are asked about, once for each two', async (t) => {
    asked.length = 0
    now += 1000
    const line = lineOf(course(TAX))
    for (const provider of ['DEV/GOV/1', 'DEV/GOV/9', 'DEV/GOV/1', 'DEV/GOV/9'])
      buffer.add({ line, secret: ['DEV/GOV/2', provider] })
    buffer.add({ line, secret: false })
    const at = Math.floor(now / 1000)
    await writer.write()
    t.same(asked, ['DEV/GOV/2 DEV/GOV/1', 'DEV/GOV/2 DEV/GOV/9'])
    const written: string[] = []
    for await (const { secret, lines } of store.between(at, at)) written.push(`${secret} ${lines.length}`)
    t.same(written.sort(), ['false 3', 'true 2'])
  })

  now += 86_400_000 + 120_000
  const old = Array.from({ length: 650 }, (_, i) => ({ id: `old-${i}`, secret: false, lines: ['{}'] }))
  await store.add(1, old)
  const [deletes, counted] = countDeletes(database)
  await forgetOld({ ...rooms, store: createOperationalStore(counted), keepDays: 1 })
  t.ok(deletes.length > 2 && deletes.every((ids) => ids <= 300), 'a few at a time, to the last')
  t.match(await store.state(), { records: 0 })
})

/** The database, and how many parameters each deletion had. */
function countDeletes(database: Database): [number[], Database] {
  const deletes: number[] = []
  const kysely = database.kysely.withPlugin({
    transformQuery: ({ node }) => {
      if (node.kind === 'DeleteQueryNode')
        deletes.push(database.kysely.getExecutor().compileQuery(node, createQueryId()).parameters.length)
      return node
    },
    transformResult: async ({ result }) => result,
  })
  return [deletes, { ...database, kysely }]
}

void t.test('questions are read as the schema has them', async (t) => {
  const [om, env] = ['http://x-road.eu/xsd/op-monitoring.xsd', 'http://x-road.eu/xsd/monitoring']
  const soap = (body: string, namespace = om): Buffer =>
    Buffer.from(
      `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:id="http://x-road.eu/xsd/identifiers" xmlns:o="${namespace}"><s:Header/><s:Body><o:q>${body}</o:q></s:Body></s:Envelope>`,
    )
  const criteria = (from: string, to: string, more = ''): string =>
    `<o:searchCriteria><o:recordsFrom>${from}</o:recordsFrom><o:recordsTo>${to}</o:recordsTo>${more}</o:searchCriteria>`
  const client =
    '<o:client id:objectType="MEMBER"><id:xRoadInstance>DEV</id:xRoadInstance><id:memberClass>GOV</id:memberClass><id:memberCode>1</id:memberCode></o:client>'
  const spec = '<o:outputSpec><o:outputField>succeeded</o:outputField></o:outputSpec>'
  t.same(await readOperationalQuestion(soap(`${criteria('1', ' 2 ', client)}${spec}`)), {
    ...{ from: 1, to: 2, fields: ['succeeded'], provider: parseClientId('DEV/GOV/1') },
  })
  t.equal(await readHealthQuestion(soap('')), undefined)
  t.same(await readMetricsQuestion(soap(spec, env)), ['succeeded'])
  for (const wrong of [
    ...[soap(''), soap(spec), soap(`${spec}${criteria('1', '2')}`), soap(criteria('1', '2').repeat(2))],
    ...[soap(criteria('1e3', '2')), soap(criteria('', '2')), soap(criteria('9'.repeat(19), '2'))],
    ...[
      soap(criteria('1', '2', client.replace('MEMBER', 'SERVER'))),
      soap(criteria('1', '2', client.repeat(2))),
    ],
    ...[
      soap(criteria('1', '2'), 'urn:other'),
      soap(`${criteria('1', '2')}<o:outputSpec><o:x/></o:outputSpec>`),
    ],
    soap(
      `${criteria('1', '2')}<o:outputSpec>${'<o:outputField>a</o:outputField>'.repeat(201)}</o:outputSpec>`,
    ),
    soap(`${criteria('1', '2')}${' '.repeat(70_000)}`),
  ])
    await t.rejects(
      readOperationalQuestion(wrong),
      { code: 'invalid_request' },
      String(wrong).slice(250, 330),
    )
})

void t.test('health counts what is ours, in a window that moves on', (t) => {
  let now = 10_000_000
  const health = createHealthWindow(() => now)
  const at = (requestIn: number, responseOut: number, more: Partial<Course> = {}) =>
    health.add(course(TAX, { requestIn, responseOut, ...more }))
  at(0, 10)
  at(0, 30)
  at(0, 99, { status: 500 })
  const { serviceType: _, ...unknown } = course(TAX)
  health.add(unknown)
  health.add(course(TAX, { half: 'consumer' }))
  const [one, ...others] = health.services()
  t.same(others, [])
  t.match(one, {
    ...{ succeeded: 2, failed: 1, lastSuccess: 30, lastFailure: 99, serviceType: 'OPENAPI3' },
    ...{ duration: { count: 2, min: 10, max: 30, average: 20, deviation: 10 }, requestSize: { max: 15 } },
  })
  now += 600_000
  t.match(health.services(), [{ succeeded: 0, failed: 0, duration: undefined, lastSuccess: 30 }])
  t.end()
})

void t.test('what was counted while the clock was ahead does not stay when it comes back', (t) => {
  let now = 10_000_000
  const health = createHealthWindow(() => now)
  const called = () => health.add(course(TAX, { requestIn: 0, responseOut: 10 }))
  called()
  now += 86_400_000
  called()
  now -= 86_400_000
  t.match(health.services(), [{ succeeded: 1 }], 'nothing of a time to come')
  called()
  now += 700_000
  t.match(health.services(), [{ succeeded: 0, duration: undefined }], 'nothing that is ten minutes old')
  called()
  now -= 5000
  called()
  t.match(health.services(), [{ succeeded: 2 }], 'a clock that is put right by seconds loses nothing')
  t.end()
})

void t.test('health makes room for what is called, at the cost of what was called longest ago', (t) => {
  const health = createHealthWindow(() => 10_000_000)
  const call = (serviceCode: string) => {
    const one = course(TAX)
    health.add({ ...one, request: { ...one.request!, service: { ...one.request!.service, serviceCode } } })
  }
  for (let i = 0; i < 10_000; i++) call(`s${i}`)
  call('s0')
  call('new')
  const codes = new Set(health.services().map(({ service }) => service.serviceCode))
  t.same([codes.size, codes.has('s0'), codes.has('s1'), codes.has('new')], [10_000, true, false, true])
  t.end()
})

void t.test('questions for metrics keep nothing of how the machine is', async (t) => {
  let at = 1
  const machine = createMachine({ clock: () => at, directory: '/' })
  t.teardown(() => machine.close())
  const spread = async () =>
    (await machine.metrics()).flatMap(({ name, is }) => (name === 'OpenFileDescriptorCount' ? [is] : []))
  await spread()
  const file = await open('/dev/null')
  t.teardown(() => file.close())
  at = 2
  for (const one of await spread()) t.match(one, { updated: 2, deviation: 0 }, 'the one of now alone')
})

void t.test('the owner and the monitoring client see all; near names do not', (t) => {
  const may = (client: string, monitoringClient?: ClientId): boolean =>
    maySeeAll(parseClientId(client), {
      server: SERVER,
      globalConfiguration: { current: () => ({ index: { monitoringClient } }) as never },
    })
  t.ok(may('DEV/GOV/1'))
  t.notOk(may('DEV/GOV/1/population'), 'a subsystem of the owner is not the owner')
  t.notOk(may('DEV/GOV/2/tax'))
  t.ok(may('DEV/GOV/2/tax', TAX))
  t.notOk(may('DEV/GOV/2', TAX))
  t.end()
})
