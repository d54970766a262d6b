/**
 * Records of operational data, as they are told, fit the schema that X-Road 7.8.1 publishes, and use each of
 * its fields.
 */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import t from 'tap'
import { parse } from 'yaml'
import { migrate } from '#platform/database/migrate.ts'
import { openDatabase } from '#platform/database/open-database.ts'
import { parseClientId, parseServerId, parseServiceId } from '#schemas/identifiers.ts'
import type { Course } from '../../peer/course.ts'
import { answerOperationalData } from './answer-operational-data.ts'
import { isField } from './record-fields.ts'
import { createOperationalStore, monitoringMigrations } from './store.ts'
import { writeRecord } from './write-record.ts'

type Schema = { properties: { records: { items: { properties: Record<string, { minimum?: number }> } } } }
const FOLDER = '../../../test/vectors/x-road/operational-data'
const FILE = 'query_operational_data_response_payload_schema.yaml'
const schema = parse(readFileSync(new URL(`${FOLDER}/${FILE}`, import.meta.url), 'utf8')) as Schema
const named = schema.properties.records.items.properties
/** X-Road's daemon writes it, and its schema does not know it. */
const UNLISTED = 'xRequestId'

const request = {
  ...{ client: parseClientId('DEV/GOV/2/tax'), service: parseServiceId('DEV/GOV/1/population/persons/v1') },
  ...{ id: 'q', requestId: 'r', issue: 'case 7', actors: { userId: 'EE1', representedParty: 'GOV/7' } },
}
const rest = { ...request, protocol: 'REST', method: 'GET', servicePath: '/persons/1', query: '' }
const soap = { ...request, protocol: 'SOAP', soap: { protocolVersion: '4.0' } }
const size = (attachments: number) => ({ message: 10, body: 5, attachments })
const course = (more: object): Course =>
  ({
    ...{ half: 'provider', requestIn: 1, requestOut: 2, responseIn: 3, responseOut: 5 },
    ...{ peer: parseServerId('DEV/GOV/2/SS'), asked: size(0), answered: size(0) },
    ...more,
  }) as unknown as Course
const COURSES = [
  course({ request: rest, status: 200, serviceType: 'OPENAPI', endpoint: '/persons/*' }),
  course({ request: rest, status: 404, serviceType: 'REST', half: 'consumer' }),
  course({ request: soap, asked: size(1), answered: size(2) }),
  course({ request: rest, fault: { type: 'server.serverproxy.service_failed', message: 'm', detail: '' } }),
  course({ request: { ...rest, id: 'x'.repeat(9000), issue: 'y'.repeat(9000) }, status: 500 }),
  { half: 'consumer', requestIn: 1, request: rest } as unknown as Course,
]

void t.test('what is told fits the published schema', async (t) => {
  const database = await openDatabase(`sqlite:${t.testdir()}/operational.db`)
  t.teardown(() => database.close())
  await migrate(database, monitoringMigrations)
  const store = createOperationalStore(database)
  const rooms = {
    ...{ server: parseServerId('DEV/GOV/1/SS'), internalIp: () => '10.0.0.1', personalData: true },
    addressOf: () => 'ss.example',
  }
  const written = COURSES.map((one) => writeRecord(one, rooms)!)
  await store.add(1000, [{ id: 'a', secret: false, lines: written.map((one) => JSON.stringify(one)) }])
  const told = await answerOperationalData(
    { from: 0, to: 2000, fields: [], provider: undefined },
    { client: parseClientId('DEV/GOV/1'), seesAll: true },
    { store, clock: () => 9_000_000, limits: { records: 100, looked: 100, offsetSeconds: 60 } },
  )
  const payload = JSON.parse(gunzipSync(told.attachment).toString()) as { records: object[] }
  t.equal(payload.records.length, COURSES.length)
  // It says of `serviceType`, a string, that it is 0 at least.
  delete named['serviceType']!.minimum
  const ajv = new Ajv2020({ strict: true, allErrors: true })
  addFormats.default(ajv)
  const fits = ajv.compile(schema)
  t.ok(fits(payload), JSON.stringify(fits.errors))
  t.notOk(fits({ records: [{ requestInTs: '1' }] }), 'the schema is held against it')
  const used = new Set(payload.records.flatMap((one) => Object.keys(one)))
  t.strictSame([...used].sort(), [...Object.keys(named), UNLISTED].sort(), 'each field, and no other')
  t.equal(Object.keys(named).length, 39)
  t.strictSame(
    Object.keys(named).filter((name) => !isField(name)),
    [],
    'each may be asked for',
  )
})
