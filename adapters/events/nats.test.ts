/**
 * NATS JetStream in front of real inboxes: both directions and modes, order, poison, crashes, and servers
 * that come back otherwise.
 */
import t, { type Test } from 'tap'
import { hasNatsServer, startNatsServer } from '#test/broker-process.ts'
import { skipFor } from '#test/outside-tools.ts'
import { until } from '#test/until.ts'
import { INBOX, openNatsUser, startEvents, startServers } from './events-fixture.ts'

async function world(t: Test) {
  const servers = await startServers(t)
  const nats = await startNatsServer(t)
  const user = await openNatsUser(t, nats)
  await user.addStream('TAX', ['tax.>'])
  await user.addStream('ASIDE', ['aside'])
  // Nobody crashes here: a busy machine makes no message come again.
  const broker = { kind: 'nats', urls: [`nats://${nats.address}:4222`], ackWaitSeconds: 60 }
  const send = { name: 'out', from: 'tax.assessed', stream: 'TAX', inbox: INBOX, quarantine: { to: 'aside' } }
  return { servers, nats, user, broker, send }
}

const event = (id: string, more: object = {}): string =>
  JSON.stringify({ specversion: '1.0', id, source: '/tax', type: 'org.example.assessed', ...more })
const JSON_EVENT = { 'content-type': 'application/cloudevents+json' }

void t.test('events to an inbox', async (t) => {
  if (!hasNatsServer()) return skipFor(t, 'nats-server is not installed')
  const { servers, user, broker, send } = await world(t)
  const adapter = await startEvents(t, { securityServer: servers.sender, broker, send: [send] })
  await user.publish('tax.assessed', event('A-1', { data: { sum: 1.5 } }), JSON_EVENT)
  await user.publish('tax.assessed', event('A-2'))
  await user.publish('tax.assessed', '{"sum": 1.50}', {
    ...{ 'ce-specversion': '1.0', 'ce-id': 'A-3', 'ce-source': '/tax', 'ce-type': 't' },
    ...{ 'ce-subject': 'M%C3%A4gi', 'ce-datacontenttype': 'application/json' },
  })
  await user.publish('tax.assessed', 'no event', { 'X-Ours': '1' })
  await user.publish('tax.assessed', event('A-4', { partitionkey: '' }), JSON_EVENT)
  await until('nothing left at the broker', async (saw) => saw(await user.left('TAX', 'concordat-out')) === 0)
  const arrived = await servers.arrived()
  t.strictSame(arrived.map(({ id }) => id).sort(), ['A-1', 'A-2', 'A-3'])
  t.match(
    arrived.find(({ id }) => id === 'A-3'),
    { subject: 'Mägi', data: { sum: 1.5 } },
  )
  const aside = await user.held('ASIDE')
  t.strictSame(aside.map(({ body }) => body).sort(), ['no event', event('A-4', { partitionkey: '' })].sort())
  t.match(aside.find(({ body }) => body === 'no event')!.headers.get('concordat-code'), 'malformed_json')
  t.equal(aside.find(({ body }) => body === 'no event')!.headers.get('x-ours'), '1')
  t.match(await adapter.health(), { broker: { ok: true }, out: { ok: true } })
  await until('three counted', async (saw) => saw(await adapter.metric('concordat_events_done_total')) === 3)
  await adapter.stop()
})

void t.test('events of an inbox', async (t) => {
  if (!hasNatsServer()) return skipFor(t, 'nats-server is not installed')
  const { servers, user, broker } = await world(t)
  const receive = { name: 'in', inbox: INBOX, to: 'tax.got', pollMs: 50 }
  for (const mode of ['structured', 'binary']) {
    const adapter = await startEvents(t, {
      ...{ securityServer: servers.receiver, broker, receive: [{ ...receive, mode }] },
    })
    await servers.post({ id: `B-${mode}`, data: { sum: 1.5 } })
    const got = await until('the event at the broker', async (saw) =>
      saw(await user.held('TAX')).find(({ headers, body }) => (headers.get('ce-id') ?? body).includes(mode)),
    )
    t.match(got.headers.get('x-road-client'), 'DEV/GOV/1000/tax')
    t.equal(got.body, mode === 'binary' ? '{"sum":1.5}' : event(`B-${mode}`, { data: { sum: 1.5 } }))
    await until('consumed', async () => (await adapter.metric('concordat_events_done_total')) === 1)
    t.strictSame(await servers.arrived(), [], 'acknowledged')
    await adapter.stop()
  }
})

void t.test('of several events under one X-Road-Id each is at the broker', async (t) => {
  if (!hasNatsServer()) return skipFor(t, 'nats-server is not installed')
  const { servers, user, broker } = await world(t)
  const { clientDoor } = servers.made.sender.offers()
  for (const id of ['C-1', 'C-2'])
    await clientDoor.carry({
      ...{ method: 'POST', url: `/r1/${INBOX}`, body: Buffer.from(event(id)) },
      rawHeaders: [
        ...['X-Road-Client', 'DEV/GOV/1000/tax', 'X-Road-Id', 'MSG-1'],
        ...['Content-Type', JSON_EVENT['content-type']],
      ],
    })
  const receive = [{ name: 'in', inbox: INBOX, to: 'tax.got', pollMs: 50 }]
  const adapter = await startEvents(t, { securityServer: servers.receiver, broker, receive })
  await until(
    'two are consumed',
    async (saw) => saw(await adapter.metric('concordat_events_done_total')) === 2,
  )
  const held = await user.held('TAX')
  t.strictSame(held.map(({ body, headers }) => [body, headers.get('x-road-id')]).sort(), [
    [event('C-1'), 'MSG-1'],
    [event('C-2'), 'MSG-1'],
  ])
  await adapter.stop()
})
