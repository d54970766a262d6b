/**
 * What a provider says of a limit: passed on with its status and its time, and believed for a while; and what
 * it says of the server to ask.
 */
import net from 'node:net'
import Fastify from 'fastify'
import t from 'tap'
import { createLog } from '#platform/logging/create-log.ts'
import { Fault, type WireFault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { listenForClients } from '../listeners.ts'
import { writePreviewReference } from '../peer/preview-reference.ts'
import { accept } from './accept.ts'
import { exchange } from './exchange.ts'
import { createConsumerWorld } from './fixture.ts'
import { PeerRefusal } from './peer-refusal.ts'
import { consumerRoutes, sendFault } from './routes.ts'
import { createUsedUpQuotas } from './used-up-quotas.ts'

const made = await createConsumerWorld(t)
const { world, rooms, log: records } = made
const host = world.consumer.address
const log = createLog({ name: 'test', level: 'silent' })
const own = { keys: world.consumer.keys, log }
const [app] = await listenForClients({ http: { address: host, port: 8080 } }, own, (app) =>
  consumerRoutes(app, rooms, log, () => undefined),
)
t.teardown(() => app?.close())

/** Everything that comes back for a request of the tax agency. */
async function ask(head: string): Promise<string> {
  const socket = net.connect(8080, host)
  socket.write(`${head}\r\nHost: x\r\nX-Road-Client: DEV/GOV/1000/tax\r\nConnection: close\r\n\r\n`)
  const chunks = await socket.toArray()
  return Buffer.concat(chunks as Buffer[]).toString('latin1')
}

t.test("a provider's limit is passed on with its status and its time", async (t) => {
  const told: [code: string, retryAfter: string | undefined, answer: RegExp][] = [
    ['contract_quota_used_up', '3600', /^HTTP\/1\.1 429[\s\S]*\r\nretry-after: 3600\r\n/],
    ['contract_quota_used_up', 'soon', /^HTTP\/1\.1 429[\s\S]*\r\nretry-after: 1\r\n/],
    ['contract_quota_unknown', '2', /^HTTP\/1\.1 503[\s\S]*\r\nretry-after: 2\r\n/],
    ['service_busy', '3', /^HTTP\/1\.1 503[\s\S]*\r\nretry-after: 3\r\n/],
    ['too_many_requests', '9', /^HTTP\/1\.1 500[\s\S]*\r\nretry-after: 1\r\n/],
    ['access_denied', '9', /^HTTP\/1\.1 500(?![\s\S]*retry-after)/],
  ]
  for (const [code, retryAfter, answer] of told) {
    made.peer = () => {
      const type = `server.serverproxy.${code}`
      const reply = made.faultOf({ type, message: `again at noon`, detail: 'd' })
      return { ...reply, headers: { ...reply.headers, 'retry-after': retryAfter } }
    }
    const whole = await ask(`GET /r1/DEV/GOV/2000/population/persons/1 HTTP/1.1`)
    t.match(whole, answer, code)
    t.match(whole, new RegExp(`x-road-error: server.serverproxy.${code}[^]*again at noon`))
    t.match(records.told(), ['request:', `refusal:server.serverproxy.${code}`], 'nothing was carried out')
    records.records.length = 0
  }
  const refusal = Fastify()
  const used = new Fault('contract_quota_used_up', { what: 'c0ffee/2, again at noon', retryAfter: 77 })
  refusal.get('/', (request, reply) => sendFault(request, reply, used))
  refusal.post('/', (request, reply) => sendFault(request, reply, used))
  refusal.removeAllContentTypeParsers()
  refusal.addContentTypeParser('*', (_request, _payload, done) => done(null))
  t.match(await refusal.inject('/'), {
    ...{ statusCode: 429, headers: { 'retry-after': '77' } },
    body: /"client\.contract_quota_used_up".*again at noon/,
  })
  const headers = { 'content-type': 'text/xml' }
  t.match(
    await refusal.inject({ method: 'POST', url: '/', headers, payload: '<x/>' }),
    { statusCode: 200, headers: { 'retry-after': undefined }, body: /again at noon/ },
    'a SOAP fault is HTTP 200, and its text says when',
  )
})

t.test('a quota that is used up is asked again when its time has come, and no earlier', async (t) => {
  const { contracts, usedUpQuotas } = rooms
  const { peer } = made
  t.teardown(() => {
    Object.assign(rooms, { contracts, usedUpQuotas })
    Object.assign(made, { peer })
  })
  const fault = (code: string): WireFault => ({
    type: `server.serverproxy.${code}`,
    message: 'm',
    detail: 'd',
  })
  let now = world.clock()
  let contract = 'c0ffee/2'
  Object.assign(rooms, {
    contracts: { contractFor: () => ({ contract }) },
    usedUpQuotas: createUsedUpQuotas({ clock: () => now }),
  })
  const said: { retryAfter?: string | undefined; code?: string } = {}
  made.peer = () => {
    const reply = made.faultOf(fault(said.code ?? 'contract_quota_used_up'))
    return { ...reply, headers: { ...reply.headers, 'retry-after': said.retryAfter } }
  }
  const asked = async (): Promise<Fault> => {
    const sent = made.received.length
    const thrown: Fault = await exchange(made.arrival(), rooms).then(
      () => {
        throw new Error('it passed')
      },
      (cause) => cause,
    )
    t.equal(thrown.code === 'peer_fault', made.received.length > sent, 'refused here or there')
    return thrown
  }
  const refused = ['request:', 'refusal:server.serverproxy.contract_quota_used_up']
  said.retryAfter = '3600'
  records.records.length = 0
  t.match(await asked(), { code: 'peer_fault', retryAfter: 3600 })
  t.strictSame(records.told(), refused, 'its code says that nothing was carried out')
  now += 10_500
  t.match(await asked(), {
    code: 'contract_quota_used_up',
    status: 429,
    retryAfter: 3590,
    what: /^c0ffee\/2: its provider said so, again at /,
  })
  t.strictSame(records.told(), refused, 'what does not leave is no record')
  contract = 'c0ffee/3'
  t.match(await asked(), { code: 'peer_fault' }, 'a new version may allow more')
  contract = 'c0ffee/2'
  now += 49_500
  t.match(await asked(), { code: 'peer_fault' }, 'after a minute the provider is asked again')
  now -= 100_000
  t.match(await asked(), { code: 'peer_fault' }, 'and when the clock is set back')
  for (const [retryAfter, seconds] of [
    ['1', 1],
    [undefined, 1],
    ['0', 1],
    ['-5', 1],
    ['1e9', 1],
    ['Wed, 21 Oct 2026 07:28:00 GMT', 1],
    ['99999', 86_400],
  ] as const) {
    contract = `c0ffee/${retryAfter}`
    said.retryAfter = retryAfter
    t.equal((await asked()).retryAfter, seconds, `${retryAfter}`)
    t.match(await asked(), { code: seconds === 1 ? 'peer_fault' : 'contract_quota_used_up' })
  }
  contract = 'c0ffee/4'
  said.retryAfter = '60'
  for (const code of ['service_busy', 'contract_quota_unknown', 'access_denied']) {
    said.code = code
    const own = code === 'access_denied' ? undefined : 60
    for (const _ of [1, 2]) t.match(await asked(), { code: 'peer_fault', retryAfter: own }, code)
  }
  const used = createUsedUpQuotas({ clock: world.clock })
  const full = new PeerRefusal(fault('contract_quota_used_up'), world.provider.id, { retryAfter: '60' })
  for (let i = 0; i <= 1000; i++) used.hear(`${i}/1`, full)
  used.check('0/1')
  t.throws(() => used.check('1/1'), { code: 'contract_quota_used_up' }, 'a thousand are kept, not one more')
  used.hear('', full)
  used.check('')
})

t.test('the reference of an answer that a person sees first leads to the server that keeps it', async (t) => {
  const at = async (reference: string, more: string[] = []) => {
    const arrival = made.arrival({ headers: ['Preview-Reference', reference, ...more] })
    return (await accept(arrival, rooms)).request.securityServer
  }
  const secret = 'k'.repeat(43)
  const { id } = world.provider
  t.same(await at(writePreviewReference({ secret, server: id })), id)
  world.overdue = { code: 'global_conf_outdated', since: 0, forMs: 1 }
  t.same(await at(writePreviewReference({ secret, server: id })), id, 'in an outage too')
  world.overdue = undefined
  const other = { ...id, serverCode: 'other' }
  for (const reference of [
    ...[secret, `${secret}/`, `${secret}/../..`, `x/${idText(id)}`, idText(id), '%'],
    writePreviewReference({ secret, server: other }),
  ])
    t.equal(await at(reference), undefined, reference)
  t.same(
    await at(writePreviewReference({ secret, server: id }), ['X-Road-Security-Server', idText(other)]),
    other,
    'what the client names goes before',
  )
})
