/**
 * MQTT in front of real inboxes: both directions and modes, order, poison, crashes, and brokers that come
 * back otherwise.
 */
import t, { type Test } from 'tap'
import { hasMosquitto, startMosquitto } from '#test/broker-process.ts'
import { skipFor } from '#test/outside-tools.ts'
import { until } from '#test/until.ts'
import { INBOX, openMqttUser, startEvents, startServers } from './events-fixture.ts'

async function world(t: Test) {
  const servers = await startServers(t)
  const mosquitto = await startMosquitto(t)
  const user = await openMqttUser(t, mosquitto)
  const broker = { kind: 'mqtt', urls: [`mqtt://${mosquitto.address}:1883`] }
  const send = { name: 'out', from: 'tax/#', inbox: INBOX, quarantine: { to: 'aside' } }
  return { servers, mosquitto, user, broker, send }
}

const event = (id: string, more: object = {}): string =>
  JSON.stringify({ specversion: '1.0', id, source: '/tax', type: 'org.example.assessed', ...more })

void t.test('events to an inbox', async (t) => {
  if (!hasMosquitto()) return skipFor(t, 'mosquitto is not installed')
  const { servers, user, broker, send } = await world(t)
  const aside = await user.subscribe('aside')
  const adapter = await startEvents(t, { securityServer: servers.sender, broker, send: [send] })
  await until('the subscription', async (saw) => saw(await adapter.health())['out']?.ok)
  const contentType = 'application/cloudevents+json'
  await user.publish('tax/a', event('A-1', { data: { sum: 1.5 } }), { contentType })
  await user.publish('tax/b', event('A-2'))
  await user.publish('tax/c', '{"sum": 1.50}', {
    contentType: 'application/json',
    userProperties: { specversion: '1.0', id: 'A-3', source: '/tax', type: 't', subject: 'Mägi €' },
  })
  await user.publish('tax/d', 'no event', { userProperties: { Ours: '1' } })
  await until(
    'all done',
    async (saw) =>
      saw([
        await adapter.metric('concordat_events_done_total'),
        await adapter.metric('concordat_events_set_aside_total'),
      ]).join() === '3,1',
  )
  const arrived = await servers.arrived()
  t.strictSame(arrived.map(({ id }) => id).sort(), ['A-1', 'A-2', 'A-3'])
  t.match(
    arrived.find(({ id }) => id === 'A-3'),
    { subject: 'Mägi €', data: { sum: 1.5 } },
  )
  const [poison] = await until('what was set aside', () => aside.length > 0 && aside)
  t.equal(poison!.payload.toString(), 'no event')
  t.match(poison!.properties?.userProperties, { 'Concordat-Code': 'malformed_json', ours: '1' })
  await adapter.stop()
})

void t.test('events of an inbox', async (t) => {
  if (!hasMosquitto()) return skipFor(t, 'mosquitto is not installed')
  const { servers, user, broker } = await world(t)
  const receive = { name: 'in', inbox: INBOX, to: 'tax/got', pollMs: 50 }
  await servers.post({ id: 'B-structured', data: { sum: 1.5 } })
  const adapter = await startEvents(t, { securityServer: servers.receiver, broker, receive: [receive] })
  await until('nobody has subscribed', async (saw) =>
    String(saw(await adapter.health())['in']?.reason).includes('nobody has subscribed'),
  )
  const got = await user.subscribe('tax/got')
  const structured = await until('the event', () => got[0])
  t.equal(structured.payload.toString(), event('B-structured', { data: { sum: 1.5 } }))
  t.equal(structured.properties?.contentType, 'application/cloudevents+json')
  t.equal(structured.properties?.userProperties?.['X-Road-Client'], 'DEV/GOV/1000/tax')
  await until('consumed', async () => (await adapter.metric('concordat_events_done_total')) === 1)
  await adapter.stop()
  await startEvents(t, {
    ...{ securityServer: servers.receiver, broker, receive: [{ ...receive, mode: 'binary' }] },
  })
  await servers.post({ id: 'B-binary', data: { sum: 1.5 }, partitionkey: 'Ä 1' })
  const binary = await until('the other event', () => got[1])
  t.equal(binary.payload.toString(), '{"sum":1.5}')
  t.match(binary.properties, {
    contentType: 'application/json',
    userProperties: { id: 'B-binary', partitionkey: 'Ä 1' },
  })
})

void t.test(
  'what is published when the adapter is told to stop is acknowledged, not given back',
  async (t) => {
    if (!hasMosquitto()) return skipFor(t, 'mosquitto is not installed')
    const { servers, user, broker } = await world(t)
    const got = await user.subscribe('tax/got')
    const stopping = Promise.withResolvers<Promise<void>>()
    const receive = { name: 'in', inbox: INBOX, to: 'tax/got', pollMs: 50 }
    const adapter = await startEvents(
      t,
      { securityServer: servers.receiver, broker, receive: [receive] },
      (rooms) => ({
        ...rooms,
        broker: {
          ...rooms.broker,
          async publish(message) {
            await rooms.broker.publish(message)
            stopping.resolve(adapter.stop())
          },
        },
      }),
    )
    await servers.post({ id: 'C-1' })
    await stopping.promise
    await until('the event', () => got.length > 0)
    t.equal(await adapter.metric('concordat_events_done_total'), 1)
    t.equal(await adapter.metric('concordat_events_returned_total'), 0)
    t.strictSame(await servers.arrived(), [], 'nor given out again')
  },
)
