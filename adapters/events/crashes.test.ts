/**
 * The adapter is killed between any two of its steps, at each broker: nothing is lost, nothing is twice in an
 * inbox, order stays.
 */
import { fork } from 'node:child_process'
import path from 'node:path'
import t, { type Test } from 'tap'
import { refreshed } from '#security-server/features/deliveries/acts-fixture.ts'
import { hasMosquitto, hasNatsServer, startMosquitto, startNatsServer } from '#test/broker-process.ts'
import { hasKafka, startKafka } from '#test/kafka.ts'
import { skipFor } from '#test/outside-tools.ts'
import { until } from '#test/until.ts'
import {
  INBOX,
  openMqttUser,
  openNatsUser,
  type Servers,
  settingsFile,
  startServers,
} from './events-fixture.ts'
import { openKafkaUser } from './kafka/kafka-fixture.ts'

const CHILD = path.join(import.meta.dirname, 'crash-child.ts')
const OUT = ['after take', 'before hand over', 'after hand over', 'before confirm', 'after confirm']
const ASIDE = ['before publish', 'after publish']
const IN = ['after fetch', 'before publish', 'after publish', 'before acknowledge', 'after acknowledge']

/** Starts it; it ends itself at the point, or by `stop`. */
function start(t: Test, file: string, point: string) {
  const child = fork(CHILD, [file, point, '2'], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  const said = { out: '' }
  child.stdout!.on('data', (data: Buffer) => {
    said.out = (said.out + data.toString()).slice(-5000)
  })
  const ended = new Promise<string>((resolve) =>
    child.once('exit', (code, signal) => resolve(signal ?? String(code))),
  )
  t.teardown(() => void child.kill('SIGKILL'))
  return { ended, said, stop: () => void child.send('stop') }
}

type Side = {
  settings: object
  /** What others publish for `out`. */
  publish(text: string): Promise<unknown>
  /** Ids of what was set aside, and of what came of an inbox. */
  aside(): Promise<string[]>
  got(): Promise<string[]>
}

const event = (id: string, partitionkey: string): string =>
  JSON.stringify({ specversion: '1.0', id, source: '/tax', type: 't', partitionkey })

async function crashOut(t: Test, servers: Servers, side: Side): Promise<void> {
  const file = settingsFile(t, side.settings)
  let published = 0
  for (const point of [...OUT, ...ASIDE]) {
    for (let i = 0; i < 4; i++) await side.publish(event(`E-${published++}`, `K${i % 2}`))
    for (const nth of [1, 2]) await side.publish(`poison ${point} ${nth}`)
    t.equal(await start(t, file, point).ended, 'SIGKILL', point)
  }
  const child = start(t, file, '')
  const ids = await until('all events in the inbox', async (saw) => {
    const arrived = await servers.arrived()
    return saw(arrived.map(({ id }) => id)).length >= published && arrived
  })
  const all = Array.from({ length: published }, (_, i) => `E-${i}`)
  t.strictSame(ids.map(({ id }) => id).sort(), all.toSorted(), 'each once')
  for (const key of ['K0', 'K1']) {
    const ofKey = ids.filter(({ partitionkey }) => partitionkey === key).map(({ id }) => Number(id!.slice(2)))
    t.strictSame(
      ofKey,
      ofKey.toSorted((a, b) => a - b),
      `in order: ${key}`,
    )
  }
  const poison = [...OUT, ...ASIDE].flatMap((point) => [`poison ${point} 1`, `poison ${point} 2`])
  await until('all poison set aside', async (saw) => {
    const aside = new Set(saw(await side.aside()))
    return poison.every((one) => aside.has(one))
  })
  child.stop()
  t.equal(await child.ended, '0', child.said.out)
}

async function crashIn(t: Test, servers: Servers, side: Side): Promise<void> {
  // Each crash is an attempt of all that was out.
  servers.made.settings.attempts = 100
  const file = settingsFile(t, side.settings)
  let posted = 0
  const sent: string[] = []
  for (const point of IN) {
    for (let i = 0; i < 3; i++) {
      sent.push(`G-${posted}`)
      await servers.post({ id: `G-${posted++}`, partitionkey: 'K' })
    }
    t.equal(await start(t, file, point).ended, 'SIGKILL', point)
    // The leases of the dead run out.
    servers.made.world.skew += 11_000
  }
  const child = start(t, file, '')
  const got = await until('all events at the broker', async (saw) => {
    const ids = saw(await side.got())
    servers.made.world.skew += 11_000
    // However long it takes, servers sign with OCSP answers of the time to which the clock was moved.
    await refreshed(servers.made)
    return sent.every((id) => ids.includes(id)) && ids
  })
  t.strictSame([...new Set(got)], sent, 'in order, but for repetitions')
  child.stop()
  t.equal(await child.ended, '0', child.said.out)
  servers.made.world.skew += 11_000
  const left = (await servers.arrived()).filter(({ id }) => sent.includes(id!))
  t.strictSame(left, [], 'all acknowledged')
}

const receive = { name: 'in', inbox: INBOX, to: 'got', pollMs: 50, leaseSeconds: 10 }

void t.test('NATS', async (t) => {
  if (!hasNatsServer()) return skipFor(t, 'nats-server is not installed')
  const servers = await startServers(t)
  const nats = await startNatsServer(t)
  const user = await openNatsUser(t, nats)
  await user.addStream('TAX', ['tax'])
  await user.addStream('ASIDE', ['aside'])
  await user.addStream('GOT', ['got'])
  const broker = { kind: 'nats', urls: [`nats://${nats.address}:4222`], ackWaitSeconds: 2 }
  const send = { name: 'out', from: 'tax', stream: 'TAX', inbox: INBOX, quarantine: { to: 'aside' } }
  const side = {
    publish: (text: string) => user.publish('tax', text),
    aside: async () => (await user.held('ASIDE')).map(({ body }) => body),
    got: async () => (await user.held('GOT')).map(({ body }) => (JSON.parse(body) as { id: string }).id),
  }
  await t.test('out', (t) =>
    crashOut(t, servers, { ...side, settings: { securityServer: servers.sender, broker, send: [send] } }),
  )
  await t.test('in', async (t) => {
    const settings = { securityServer: servers.receiver, broker, receive: [receive] }
    await crashIn(t, servers, { ...side, settings })
    const got = await side.got()
    t.equal(new Set(got).size, got.length, 'JetStream knew every repetition')
  })
})

void t.test('MQTT', async (t) => {
  if (!hasMosquitto()) return skipFor(t, 'mosquitto is not installed')
  const servers = await startServers(t)
  const mosquitto = await startMosquitto(t)
  const user = await openMqttUser(t, mosquitto)
  const aside = await user.subscribe('aside')
  const got = await user.subscribe('got')
  const broker = { kind: 'mqtt', urls: [`mqtt://${mosquitto.address}:1883`] }
  const send = { name: 'out', from: 'tax', inbox: INBOX, quarantine: { to: 'aside' } }
  const side = {
    publish: (text: string) => user.publish('tax', text),
    aside: async () => aside.map(({ payload }) => payload.toString()),
    got: async () => got.map(({ payload }) => (JSON.parse(payload.toString()) as { id: string }).id),
  }
  const first = settingsFile(t, { securityServer: servers.sender, broker, send: [send] })
  await t.test('out', async (t) => {
    // The subscription has to be there before anybody publishes.
    const child = start(t, first, '')
    await until('the subscription', (saw) => saw(child.said.out).includes('connected to the broker'))
    child.stop()
    await child.ended
    await crashOut(t, servers, {
      ...side,
      settings: { securityServer: servers.sender, broker, send: [send] },
    })
  })
  await t.test('in', (t) =>
    crashIn(t, servers, {
      ...side,
      settings: { securityServer: servers.receiver, broker, receive: [receive] },
    }),
  )
})

void t.test('Kafka', async (t) => {
  if (!hasKafka()) return skipFor(t, 'Kafka is not installed')
  const servers = await startServers(t)
  const kafka = await startKafka(t)
  const user = await openKafkaUser(t, kafka)
  await user.createTopic('tax', 2)
  await user.createTopic('aside')
  await user.createTopic('got')
  const broker = { kind: 'kafka', urls: [`kafka://${kafka.address}:9092`], ackWaitSeconds: 2 }
  const send = { name: 'out', from: 'tax', inbox: INBOX, quarantine: { to: 'aside' } }
  const side = {
    publish: (text: string) => user.publish('tax', text, { partition: text.includes('K1') ? 1 : 0 }),
    aside: async () => (await user.held('aside')).map(({ value }) => value),
    got: async () => (await user.held('got')).map(({ value }) => (JSON.parse(value) as { id: string }).id),
  }
  await t.test('out', (t) =>
    crashOut(t, servers, { ...side, settings: { securityServer: servers.sender, broker, send: [send] } }),
  )
  await t.test('in', (t) =>
    crashIn(t, servers, {
      ...side,
      settings: { securityServer: servers.receiver, broker, receive: [receive] },
    }),
  )
})
