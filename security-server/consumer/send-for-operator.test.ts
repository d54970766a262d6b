/**
 * What a person of the operator sends: the way of every exchange, with all that it asks but the proof of a
 * system.
 */
import t from 'tap'
import { createLog } from '#platform/logging/create-log.ts'
import { idText, memberOf } from '#schemas/identifiers.ts'
import { POPULATION, TAX } from '../peer/peer-fixture.ts'
import { createConsumerWorld } from './fixture.ts'
import { createSendForOperator } from './send-for-operator.ts'

const made = await createConsumerWorld(t)
const { rooms, log, world } = made
const lines: string[] = []
const outcomes: string[] = []
const send = createSendForOperator(
  rooms,
  createLog({ name: 'test', level: 'info', destination: { write: (line) => void lines.push(line) } }),
  (outcome) => void outcomes.push(outcome),
)

const request = (more: Partial<Parameters<typeof send>[0]> = {}) => ({
  protocol: 'REST' as const,
  method: 'GET',
  url: `/r1/${idText(POPULATION)}/persons/persons/P00000007`,
  headers: [
    ['X-Road-Client', idText(TAX)],
    ['X-Road-UserId', 'person:17'],
    ['X-Road-Issue', 'case 5'],
  ] satisfies [string, string][],
  body: undefined,
  ...more,
})

t.beforeEach(() => {
  log.records.length = 0
  made.received.length = 0
  // The strictest mode: no system could call without its certificate.
  made.local = { ...made.local, authenticationMode: 'SSLAUTH', certificates: new Set(['ab']) }
})

t.test('it is signed, logged before it leaves, and says who asks for what', async (t) => {
  const answer = await send(request())
  t.match(answer, { status: 200 })
  t.equal(typeof answer.index, 'number')
  t.strictSame(log.told(), ['request:', 'reply:ok'])
  t.match(log.records[0], { extra: { userId: 'person:17', issue: 'case 5' } })
  t.match(made.received[0]?.request, { userId: 'person:17', issue: 'case 5' })
  t.match(lines.at(-1), /"from":"operator".*"status":200.*"exchange"/)
  t.notMatch(lines.join(''), /P00000007|person:17|case 5/, 'nothing of it is in the log line')
  t.equal(outcomes.at(-1), 'ok')
})

t.test('its circumstances do not say that a system proved itself', async (t) => {
  const terms = { contract: 'c0ffee/2', logLevel: 'digest', keepDays: 30 } as const
  const before = rooms.contracts
  t.teardown(() => Object.assign(rooms, { contracts: before }))
  Object.assign(rooms, { contracts: { contractFor: () => terms } })
  await send(request())
  t.match(log.records[0]?.circumstances?.document, /^\{"side":"consumer","version":1\}$/)
  made.local = { ...made.local, authenticationMode: 'NOSSL' }
  const { exchange } = await import('./exchange.ts')
  await exchange(made.arrival(), rooms)
  t.match(log.records.at(-1)?.circumstances?.document, /"authentication":"NOSSL"/, 'a system after it does')
})

t.test('a body goes along', async (t) => {
  const body = Buffer.from('{"a":1}')
  const headers = [...request().headers, ['Content-Type', 'application/json'] satisfies [string, string]]
  await send(request({ method: 'POST', headers, body }))
  t.equal(made.received[0]?.body?.size, body.length)
  t.equal(
    made.received[0]?.request.headers.find(([name]) => name === 'Content-Type')?.[1],
    'application/json',
  )
  for (const record of log.records) await record.body?.discard()
  t.strictSame(world.bodyFiles(), [])
})

t.test('the owner of the server needs no systems here, another member does', async (t) => {
  const as = (client: string): Promise<unknown> =>
    send(request({ headers: [['X-Road-Client', client]] satisfies [string, string][] }))
  await as(idText(memberOf(TAX)))
  t.strictSame(log.told(), ['request:', 'reply:ok'])
  t.match(log.records[0], { client: memberOf(TAX) })
  await t.rejects(as('DEV/GOV/2000'), { code: 'unknown_member' })
})

t.test('everything else is asked as of a system', async (t) => {
  const stranger = [['X-Road-Client', 'DEV/GOV/2000/population']] satisfies [string, string][]
  await t.rejects(
    send(request({ headers: stranger })),
    { code: 'unknown_member' },
    'no client of this server',
  )
  await t.rejects(send(request({ headers: [] })), { code: 'missing_header' })
  await t.rejects(send(request({ url: '/r1/DEV/GOV/1/none/persons' })), { code: 'unknown_member' })
  await t.rejects(send(request({ url: `${request().url}/%2e%2e` })), { code: 'invalid_path' })
  t.strictSame(log.told(), [], 'nothing was signed')
  t.match(lines.at(-1), /"from":"operator".*invalid_path/)
  await t.rejects(
    import('./exchange.ts').then(({ exchange }) => exchange(made.arrival(), rooms)),
    { code: 'ssl_authentication_failed' },
    'and a system still has to prove itself',
  )
})
