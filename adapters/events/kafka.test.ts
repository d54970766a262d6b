/**
 * Kafka in front of real inboxes: both directions and modes, order, poison, batches as others write them, and
 * two adapters that share a topic.
 */
import { randomBytes } from 'node:crypto'
import { connect, createServer } from 'node:net'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { ownAddress } from '#adapters/kit/kit-fixture.ts'
import { hasKafka, startKafka } from '#test/kafka.ts'
import { skipFor } from '#test/outside-tools.ts'
import { until } from '#test/until.ts'
import type { Rooms } from './adapter.ts'
import { INBOX, startEvents, startServers } from './events-fixture.ts'
import { openKafkaUser, rawBatch, rawRecord } from './kafka/kafka-fixture.ts'

const event = (id: string, more: object = {}): string =>
  JSON.stringify({ specversion: '1.0', id, source: '/tax', type: 'org.example.assessed', ...more })
const JSON_EVENT = { 'content-type': 'application/cloudevents+json' }

async function world(t: Test) {
  const servers = await startServers(t)
  const [address, between] = [ownAddress(), ownAddress()]
  const advertised = `advertised.listeners=PLAINTEXT://${address}:9092,BETWEEN://${between}:9095`
  const listeners = { 'BETWEEN://9095': 'PLAINTEXT' }
  const kafka = await startKafka(t, { lines: [advertised], listeners }, address)
  const user = await openKafkaUser(t, kafka)
  // Nobody crashes here: a busy machine does not end a session.
  const broker = { kind: 'kafka', urls: [`kafka://${kafka.address}:9092`], ackWaitSeconds: 8 }
  const send = { name: 'out', from: 'tax', inbox: INBOX, quarantine: { to: 'aside' } }
  return { servers, kafka, user, broker, send, between }
}
type World = Awaited<ReturnType<typeof world>>

async function toAnInbox(t: Test, { servers, user, broker, send }: World): Promise<void> {
  await user.createTopic('tax')
  await user.createTopic('aside')
  const adapter = await startEvents(t, { securityServer: servers.sender, broker, send: [send] })
  await user.publish('tax', event('A-1', { data: { sum: 1.5 } }), { headers: JSON_EVENT })
  await user.publish('tax', event('A-2'))
  await user.publish('tax', '{"sum": 1.50}', {
    headers: {
      ...{ ce_specversion: '1.0', ce_id: 'A-3', ce_source: '/tax', ce_type: 't' },
      ...{ ce_subject: 'Mägi €', 'content-type': 'application/json' },
    },
  })
  await user.publish('tax', 'no event', { headers: { 'X-Ours': '1' } })
  await user.publish('tax', '', { headers: { ce_specversion: Buffer.from([0xff]) } })
  await until('all committed', async (saw) => saw(await user.committed('concordat-out', 'tax'))[0] === 5)
  const arrived = await servers.arrived()
  t.strictSame(arrived.map(({ id }) => id).sort(), ['A-1', 'A-2', 'A-3'])
  t.match(
    arrived.find(({ id }) => id === 'A-3'),
    { subject: 'Mägi €', data: { sum: 1.5 } },
  )
  const aside = await user.held('aside')
  t.equal(aside.length, 2)
  const poison = aside.find(({ value }) => value === 'no event')
  t.equal(poison?.headers.get('Concordat-Code'), 'malformed_json')
  t.match(poison?.headers.get('Concordat-Position'), /^tax-[\w-]{22}-0-3$/)
  t.equal(poison?.headers.get('x-ours'), '1')
  t.match(await adapter.health(), { broker: { ok: true }, out: { ok: true } })
  // The broker has committed before the adapter hears of it.
  await until('three counted', async (saw) => saw(await adapter.metric('concordat_events_done_total')) === 3)
  await adapter.stop()
}

async function ofAnInbox(t: Test, { servers, user, broker }: World): Promise<void> {
  await user.createTopic('got', 3)
  const receive = { name: 'in', inbox: INBOX, to: 'got', pollMs: 50 }
  for (const mode of ['structured', 'binary']) {
    const adapter = await startEvents(t, {
      ...{ securityServer: servers.receiver, broker, receive: [{ ...receive, mode }] },
    })
    await servers.post({ id: `B-${mode}`, data: { sum: 1.5 }, partitionkey: 'Ä 1' })
    const got = await until('the event at the broker', async (saw) =>
      saw(await user.held('got', 3)).find(({ headers, value }) =>
        (headers.get('ce_id') ?? value).includes(mode),
      ),
    )
    t.equal(got.headers.get('X-Road-Client'), 'DEV/GOV/1000/tax')
    t.equal(got.key, 'Ä 1')
    if (mode === 'binary') {
      t.equal(got.value, '{"sum":1.5}')
      t.match(Object.fromEntries(got.headers), { ce_partitionkey: 'Ä 1', 'content-type': 'application/json' })
    } else t.equal(got.value, event(`B-${mode}`, { data: { sum: 1.5 }, partitionkey: 'Ä 1' }))
    await until('consumed', async () => (await adapter.metric('concordat_events_done_total')) === 1)
    const left = (await servers.arrived()).filter(({ id }) => id!.startsWith('B-'))
    t.strictSame(left, [], 'acknowledged')
    await adapter.stop()
  }
}

/** Passes all on to the broker, but cuts the connection in place of the first answer to a Produce. */
async function cutFirstAnswer(t: Test, { kafka, between }: World): Promise<{ cut: number }> {
  const seen = { cut: 0 }
  const server = createServer((near) => {
    const far = connect(9095, kafka.address)
    let isAwaited = false
    near.on('data', (bytes: Buffer) => {
      // Its key stands behind the length.
      isAwaited = seen.cut === 0 && bytes.readInt16BE(4) === 0
      far.write(bytes)
    })
    far.on('data', (bytes) => {
      if (!isAwaited) return near.write(bytes)
      seen.cut++
      return near.destroy()
    })
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
    for (const socket of [near, far]) socket.on('error', () => undefined)
  })
  await new Promise<void>((resolve) => void server.listen(9095, between, resolve))
  t.teardown(() => server.close())
  return seen
}

async function answerLost(t: Test, made: World): Promise<void> {
  const { servers, user, between } = made
  await user.createTopic('once')
  const seen = await cutFirstAnswer(t, made)
  const adapter = await startEvents(t, {
    ...{ securityServer: servers.receiver, receive: [{ name: 'in', inbox: INBOX, to: 'once', pollMs: 50 }] },
    broker: { kind: 'kafka', urls: [`kafka://${between}:9095`] },
  })
  for (const id of ['O-1', 'O-2']) await servers.post({ id, partitionkey: 'K' })
  await until('consumed', async (saw) => saw(await adapter.metric('concordat_events_done_total')) === 2)
  t.equal(seen.cut, 1)
  const ids = (await user.held('once')).map(({ value }) => (JSON.parse(value) as { id: string }).id)
  t.strictSame(ids, ['O-1', 'O-2'], 'each once')
  t.equal(await adapter.metric('concordat_events_returned_total'), 0)
  await adapter.stop()
}

/** The broker writes them anew as the topic says, by the libraries of others. */
async function compressed(t: Test, { user }: World): Promise<void> {
  const words = randomBytes(300).toString('hex')
  const text = Array.from({ length: 3000 }, (_, i) => words.slice(i % 500, (i * 7) % 600) + i).join('')
  for (const kind of ['gzip', 'snappy', 'lz4', 'zstd']) {
    await user.createTopic(kind, 1, { 'compression.type': kind, 'max.message.bytes': '10000000' })
    for (const value of [text, 'x', '', 'z'.repeat(70_000)]) await user.publish(kind, value)
    const held = await user.held(kind)
    t.strictSame(
      held.map(({ value }) => value === text || value),
      [true, 'x', '', 'z'.repeat(70_000)],
      kind,
    )
  }
}

async function toLarge(t: Test, { servers, user, broker, send }: World): Promise<void> {
  await user.createTopic('large')
  const limits = { bytes: 1_048_576, eventBytes: 1024 }
  const way = { ...send, from: 'large', name: 'large' }
  const adapter = await startEvents(t, { securityServer: servers.sender, broker, send: [way], limits })
  const bomb = rawRecord(Buffer.alloc(30_000_000))
  await user.publishBatch('large', rawBatch({ payload: gzipSync(bomb), attributes: 1 }))
  await user.publish('large', event('L-1', { data: 'x'.repeat(2000) }))
  await user.publishBatch('large', rawBatch({ payload: rawRecord(Buffer.from('{}'), { headers: 2000 }) }))
  await user.publish('large', event('L-2'))
  await until('all committed', async (saw) => saw(await user.committed('concordat-large', 'large'))[0] === 4)
  t.strictSame(
    (await servers.arrived()).map(({ id }) => id).filter((id) => id!.startsWith('L')),
    ['L-2'],
  )
  const aside = (await user.held('aside')).map(({ headers }) => Object.fromEntries(headers))
  // Several are set aside at once, in any order.
  t.strictSame(
    aside
      .filter((one) => one['Concordat-Way'] === 'large')
      .map((one) => String(one['Concordat-Code']))
      .toSorted(),
    ['body_too_large', 'body_too_large', 'invalid_event'],
  )
  await adapter.stop()
}

/** How many are out at the most, of all adapters that are armed by it. */
function counting() {
  const seen = { most: 0 }
  const arm = (rooms: Rooms): Rooms => {
    let out = 0
    const take: Rooms['broker']['take'] = (way, deliver) =>
      rooms.broker.take(way, (message) => {
        seen.most = Math.max(seen.most, ++out)
        const confirm = (): Promise<void> => {
          out--
          return message.confirm()
        }
        deliver({ ...message, confirm })
      })
    return { ...rooms, broker: { ...rooms.broker, take } }
  }
  return { seen, arm }
}

async function shared(t: Test, { servers, user, broker, send }: World): Promise<void> {
  await user.createTopic('shared', 4)
  // As many as come while a busy machine divides the topic: the inbox takes all of them before anybody
  // fetches one.
  Object.assign(servers.made.settings, { senderEvents: 100_000, inboxEvents: 100_000 })
  const way = { ...send, from: 'shared', name: 'shared' }
  const settings = { securityServer: servers.sender, broker, send: [way], limits: { messages: 8, atOnce: 4 } }
  const { seen, arm } = counting()
  let published = 0
  let isEnough = false
  const publish = () =>
    until(
      'enough published',
      async (saw) => {
        const more = { partitionkey: `K${published % 8}` }
        await user.publish('shared', event(`S-${published}`, more), { partition: published % 4 })
        saw(published++)
        return isEnough
      },
      { pauseMs: 20 },
    )
  const has = (adapter: { lines: string[] }, partitions: string) =>
    until(`partitions ${partitions}`, (saw) => {
      saw(adapter.lines.length)
      return adapter.lines.some((line) => line.includes(partitions))
    })
  const publishing = publish()
  const first = await startEvents(t, settings, arm)
  const busy = (adapter: typeof first) =>
    until('some accepted', async (saw) => saw(await adapter.metric('concordat_events_done_total')) > 10)
  await busy(first)
  const second = await startEvents(t, settings, arm)
  await busy(second)
  await first.stop()
  await has(second, '"partitions":[0,1,2,3]')
  isEnough = true
  await publishing
  const committed = async (): Promise<number> =>
    (await user.committed('concordat-shared', 'shared', 4)).reduce((sum, offset) => sum + offset, 0)
  await until('all committed', async (saw) => saw(await committed()) === published)
  const arrived = (await servers.arrived()).filter(({ id }) => id!.startsWith('S-'))
  t.equal(arrived.length, published, 'each once')
  for (let key = 0; key < 8; key++) {
    const ids = arrived.filter((one) => one.partitionkey === `K${key}`).map(({ id }) => Number(id!.slice(2)))
    t.strictSame(
      ids,
      ids.toSorted((a, b) => a - b),
      `in order: K${key}`,
    )
  }
  t.ok(seen.most <= 8, `${seen.most} out at the most`)
  await second.stop()
}

void t.test('Kafka', async (t) => {
  if (!hasKafka()) return skipFor(t, 'Kafka is not installed')
  const made = await world(t)
  await t.test('events to an inbox', (t) => toAnInbox(t, made))
  await t.test('events of an inbox', (t) => ofAnInbox(t, made))
  await t.test('an answer is lost: the broker knows the repetition', (t) => answerLost(t, made))
  await t.test('batches as other libraries compress them', (t) => compressed(t, made))
  await t.test('a batch that inflates to more than is taken, and other poison', (t) => toLarge(t, made))
  await t.test('two adapters share a topic', (t) => shared(t, made))
})
