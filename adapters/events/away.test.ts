/**
 * Brokers and security servers that go and come back, as they were or otherwise, and more messages than fit
 * into memory.
 */
import t, { type Test } from 'tap'
import {
  type BrokerProcess,
  hasMosquitto,
  hasNatsServer,
  startMosquitto,
  startNatsServer,
} from '#test/broker-process.ts'
import { hasKafka, startKafka } from '#test/kafka.ts'
import { skipFor } from '#test/outside-tools.ts'
import { until } from '#test/until.ts'
import type { Rooms } from './adapter.ts'
import {
  INBOX,
  openMqttUser,
  openNatsUser,
  type Servers,
  startEvents,
  startServers,
} from './events-fixture.ts'
import { openKafkaUser } from './kafka/kafka-fixture.ts'

const event = (id: string, more: object = {}): string =>
  JSON.stringify({ specversion: '1.0', id, source: '/tax', type: 't', ...more })

const natsSettings = ({ address }: BrokerProcess) => ({
  broker: { kind: 'nats', urls: [`nats://${address}:4222`], ackWaitSeconds: 2, confirmMs: 1000 },
  send: [{ name: 'out', from: 'tax', stream: 'TAX', inbox: INBOX, quarantine: { to: 'aside' } }],
})
const mqttSettings = ({ address }: BrokerProcess) => ({
  broker: { kind: 'mqtt', urls: [`mqtt://${address}:1883`], confirmMs: 1000 },
  send: [{ name: 'out', from: 'tax', inbox: INBOX, quarantine: { to: 'aside' } }],
})
const kafkaSettings = ({ address }: BrokerProcess) => ({
  broker: { kind: 'kafka', urls: [`kafka://${address}:9092`], ackWaitSeconds: 2, confirmMs: 1000 },
  send: [{ name: 'out', from: 'tax', inbox: INBOX, quarantine: { to: 'aside' } }],
})
const receive = [{ name: 'in', inbox: INBOX, to: 'got', pollMs: 50 }]

type Adapter = Awaited<ReturnType<typeof startEvents>>

const says = (adapter: Adapter, text: string) =>
  until(
    `the line: ${text}`,
    (saw) => saw(adapter.lines.slice(-3)) && adapter.lines.some((line) => line.includes(text)),
  )
const isWell = (adapter: Adapter, name: string) =>
  until(`${name} is well`, async (saw) => saw(await adapter.health())[name]?.ok)
const isIll = (adapter: Adapter, name: string) =>
  until(`${name} is not well`, async (saw) => saw(await adapter.health())[name]?.ok === false)

/**
 * Until all that was taken is done, set aside, or given back to come again: an event is in the inbox before
 * its message is confirmed.
 */
const isQuiet = (adapter: Adapter) =>
  until('nothing is under way', async (saw) => {
    const names = ['taken', 'done', 'set_aside'].map((one) => `concordat_events_${one}_total`)
    const [taken, done, aside] = await Promise.all(names.map((name) => adapter.metric(name)))
    const again = adapter.lines.filter((line) => line.includes('not confirmed: it comes again')).length
    saw([taken, done, aside, again])
    return taken === done! + aside! + again
  })

/** The ids that the inbox got, once these are among them. */
const arrive = (servers: Servers, ids: string[]): Promise<string[]> =>
  until(`${ids.join()} in the inbox`, async (saw) => {
    const arrived = saw((await servers.arrived()).map(({ id }) => id!))
    return ids.every((id) => arrived.includes(id)) && arrived
  })

async function securityServerAway(
  t: Test,
  q: { servers: Servers; adapter: Adapter; publish(text: string): Promise<unknown> },
): Promise<void> {
  const { servers, adapter, publish } = q
  await servers.fall()
  for (const id of ['S-1', 'S-2', 'S-3']) await publish(event(id, { partitionkey: 'K' }))
  const { out } = await until('the way is closed', async (saw) => {
    const health = saw(await adapter.health())
    // The broker, too, may be away for a moment.
    return String(health['out']?.reason).includes('own security server') && health
  })
  t.match(out, { ok: false, reason: /own security server/ })
  await servers.rise()
  const arrived = await arrive(servers, ['S-1', 'S-2', 'S-3'])
  t.strictSame(
    arrived.filter((id) => id.startsWith('S-')),
    ['S-1', 'S-2', 'S-3'],
    'in order, each once',
  )
  await isWell(adapter, 'out')
  t.equal(await adapter.metric('concordat_events_set_aside_total'), 0, 'nothing was set aside')
}

void t.test('NATS', async (t) => {
  if (!hasNatsServer()) return skipFor(t, 'nats-server is not installed')
  const servers = await startServers(t)
  const nats = await startNatsServer(t)
  const user = await openNatsUser(t, nats)
  const adapter = await startEvents(t, { securityServer: servers.sender, ...natsSettings(nats) })
  await t.test('a stream that is made later is waited for', async (t) => {
    await says(adapter, 'no messages are taken')
    await user.addStream('TAX', ['tax'])
    await user.publish('tax', event('N-1'))
    t.strictSame(await arrive(servers, ['N-1']), ['N-1'])
  })
  await t.test('killed and started again', async (t) => {
    await nats.kill()
    await isIll(adapter, 'broker')
    await nats.start()
    await isWell(adapter, 'broker')
    await user.publish('tax', event('N-2'))
    t.strictSame(await arrive(servers, ['N-2']), ['N-1', 'N-2'])
  })
  await t.test('frozen while it should confirm', async (t) => {
    await nats.freeze()
    const late = user.publish('tax', event('N-3')).catch(() => undefined)
    nats.thaw()
    await late
    t.strictSame((await arrive(servers, ['N-3'])).length, 3)
  })
  await t.test('the security server is away', (t) =>
    securityServerAway(t, { servers, adapter, publish: (text) => user.publish('tax', text) }),
  )
  await t.test('the consumer is deleted', async (t) => {
    await until(
      'nothing left at the server',
      async (saw) => saw(await user.left('TAX', 'concordat-out')) === 0,
    )
    await isQuiet(adapter)
    const before = await adapter.metric('concordat_events_done_total')
    await user.manager.consumers.delete('TAX', 'concordat-out')
    await says(adapter, 'the consumer is not the one of before')
    await user.publish('tax', event('N-4'))
    const arrived = await arrive(servers, ['N-4'])
    t.equal(new Set(arrived).size, arrived.length, 'nothing twice')
    await isQuiet(adapter)
    // A confirmation whose answer comes late counts nothing.
    const done = await adapter.metric('concordat_events_done_total')
    t.ok(done <= before + 1, `nothing was handed over again: ${before}, then ${done}`)
    t.equal(await adapter.metric('concordat_events_broker_resets_total'), 1)
  })
  await t.test('all that the server held is gone', async (t) => {
    await nats.kill()
    nats.wipe()
    await nats.start()
    await until('the stream anew', () => user.addStream('TAX', ['tax']).catch(() => undefined))
    await user.publish('tax', event('N-5'))
    await arrive(servers, ['N-5'])
    await says(adapter, 'the stream is not the one of before')
    t.equal(await adapter.metric('concordat_events_broker_resets_total'), 2)
  })
  await adapter.stop()
  await t.test('events of an inbox wait for the broker, and no attempt is counted', async (t) => {
    servers.made.settings.attempts = 1
    const settings = { ...natsSettings(nats), send: [], receive }
    const into = await startEvents(t, { securityServer: servers.receiver, ...settings })
    await servers.post({ id: 'W-1' })
    await isIll(into, 'in')
    await until(
      'given back twice',
      async (saw) => saw(await into.metric('concordat_events_returned_total')) > 1,
    )
    await user.addStream('GOT', ['got'])
    const [got] = await until('published', async (saw) => {
      const held = saw(await user.held('GOT'))
      return held.length > 0 && held
    })
    t.match(got!.body, '"id":"W-1"')
    await isWell(into, 'in')
    t.match(await into.health(), { broker: { ok: true } })
  })
})

void t.test('MQTT', async (t) => {
  if (!hasMosquitto()) return skipFor(t, 'mosquitto is not installed')
  const servers = await startServers(t)
  const mosquitto = await startMosquitto(t)
  const adapter = await startEvents(t, { securityServer: servers.sender, ...mqttSettings(mosquitto) })
  await isWell(adapter, 'out')
  const publish = async (text: string): Promise<void> => {
    const user = await openMqttUser(t, mosquitto)
    await user.publish('tax', text)
    await user.connection.end()
  }
  await t.test('the security server is away', (t) => securityServerAway(t, { servers, adapter, publish }))
  await t.test('killed and started again', async (t) => {
    await mosquitto.kill()
    await isIll(adapter, 'out')
    await mosquitto.start()
    await isWell(adapter, 'out')
    await publish(event('M-1'))
    const arrived = await arrive(servers, ['M-1'])
    t.equal(new Set(arrived).size, arrived.length)
    t.equal(await adapter.metric('concordat_events_broker_resets_total'), 0)
  })
  await t.test('it has forgotten the session', async (t) => {
    await mosquitto.kill()
    mosquitto.wipe()
    await isIll(adapter, 'out')
    await mosquitto.start()
    await isWell(adapter, 'out')
    await says(adapter, 'the broker has forgotten the session')
    t.equal(await adapter.metric('concordat_events_broker_resets_total'), 1)
    await publish(event('M-2'))
    t.ok(await arrive(servers, ['M-2']))
  })
  await t.test('the broker ends while messages are out, and knows them again', async (t) => {
    await servers.fall()
    for (const id of ['M-3', 'M-4']) await publish(event(id, { partitionkey: 'K' }))
    await until('both are out', async (saw) => saw(await adapter.metric('concordat_events_taken_total')) >= 7)
    await mosquitto.kill()
    await isIll(adapter, 'broker')
    await mosquitto.start()
    await isWell(adapter, 'broker')
    await servers.rise()
    const arrived = await arrive(servers, ['M-3', 'M-4'])
    t.strictSame(arrived.slice(-2), ['M-3', 'M-4'], 'in order, each once')
  })
})

void t.test('Kafka', async (t) => {
  if (!hasKafka()) return skipFor(t, 'Kafka is not installed')
  const servers = await startServers(t)
  const kafka = await startKafka(t)
  const user = await openKafkaUser(t, kafka)
  const adapter = await startEvents(t, { securityServer: servers.sender, ...kafkaSettings(kafka) })
  await t.test('a topic that is made later is waited for', async (t) => {
    await says(adapter, 'the topic or partition is not there')
    await user.createTopic('tax')
    await user.publish('tax', event('K-1'))
    t.strictSame(await arrive(servers, ['K-1']), ['K-1'])
  })
  await t.test('killed and started again', async (t) => {
    await kafka.kill()
    await isIll(adapter, 'broker')
    await kafka.start()
    await isWell(adapter, 'broker')
    await user.publish('tax', event('K-2'))
    t.strictSame(await arrive(servers, ['K-2']), ['K-1', 'K-2'])
    await isWell(adapter, 'out')
  })
  await t.test('frozen', async (t) => {
    await kafka.freeze()
    await isIll(adapter, 'broker')
    kafka.thaw()
    await user.publish('tax', event('K-3'))
    t.strictSame((await arrive(servers, ['K-3'])).length, 3)
  })
  await t.test('the security server is away', (t) =>
    securityServerAway(t, { servers, adapter, publish: (text) => user.publish('tax', text) }),
  )
  t.equal(await adapter.metric('concordat_events_broker_resets_total'), 0)
  await t.test('a topic of the same name', async (t) => {
    await user.deleteTopic('tax')
    await user.createTopic('tax')
    await user.publish('tax', event('K-4'))
    await arrive(servers, ['K-4'])
    await says(adapter, 'the topic is not the one of before')
    t.equal(await adapter.metric('concordat_events_broker_resets_total'), 1)
  })
  await t.test('all that the broker held is gone', async (t) => {
    await kafka.kill()
    kafka.wipe()
    await kafka.start()
    await user.createTopic('tax')
    await user.publish('tax', event('K-5'))
    const arrived = await arrive(servers, ['K-5'])
    t.equal(new Set(arrived).size, arrived.length, 'nothing twice')
    t.equal(await adapter.metric('concordat_events_broker_resets_total'), 2)
  })
  await adapter.stop()
  await t.test('events of an inbox wait for the topic, and no attempt is counted', async (t) => {
    servers.made.settings.attempts = 1
    const settings = { ...kafkaSettings(kafka), send: [], receive }
    const into = await startEvents(t, { securityServer: servers.receiver, ...settings })
    await servers.post({ id: 'W-1' })
    await isIll(into, 'in')
    await until(
      'given back twice',
      async (saw) => saw(await into.metric('concordat_events_returned_total')) > 1,
    )
    await user.createTopic('got')
    const [got] = await until('published', async (saw) => {
      const held = saw(await user.held('got'))
      return held.length > 0 && held
    })
    t.match(got!.value, '"id":"W-1"')
    await isWell(into, 'in')
  })
})

void t.test('a storm: no more are out than the limits say, and all arrive', async (t) => {
  if (!hasNatsServer() || !hasMosquitto()) return skipFor(t, 'nats-server or mosquitto is not installed')
  const servers = await startServers(t)
  const [nats, mosquitto] = [await startNatsServer(t), await startMosquitto(t)]
  const [natsUser, mqttUser] = [await openNatsUser(t, nats), await openMqttUser(t, mosquitto)]
  await natsUser.addStream('TAX', ['tax'])
  const limits = { messages: 8, atOnce: 4 }
  const ids = Array.from({ length: 150 }, (_, i) => `Z-${i}`)
  for (const [settings, publish] of [
    [natsSettings(nats), (text: string) => natsUser.publish('tax', text)],
    [mqttSettings(mosquitto), (text: string) => mqttUser.publish('tax', text)],
  ] as const) {
    let [out, most] = [0, 0]
    const arm = (rooms: Rooms): Rooms => ({
      ...rooms,
      broker: {
        ...rooms.broker,
        take: (way, deliver) =>
          rooms.broker.take(way, (message) => {
            most = Math.max(most, ++out)
            const confirm = (): Promise<void> => {
              out--
              return message.confirm()
            }
            deliver({ ...message, confirm })
          }),
      },
    })
    // Nobody is away here: a busy machine makes no confirmation late, and no message come again.
    const broker = { ...settings.broker, confirmMs: 60_000, ackWaitSeconds: 60 }
    const adapter = await startEvents(t, { securityServer: servers.sender, limits, ...settings, broker }, arm)
    await until('the way', async (saw) => saw(await adapter.health())['out']?.ok)
    await Promise.all(ids.map((id) => publish(event(id, { source: `/${settings.broker.kind}` }))))
    await until(
      'all accepted',
      async (saw) => saw(await adapter.metric('concordat_events_done_total')) === 150,
    )
    t.ok(most <= limits.messages, `${settings.broker.kind}: ${most} at most`)
    await adapter.stop()
  }
  const arrived = await until('all in the inbox', async (saw) => {
    const all = await servers.arrived()
    return saw(all.length) >= 300 && all
  })
  t.equal(arrived.length, 300, 'each once')
})
