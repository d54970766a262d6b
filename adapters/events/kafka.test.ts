/** Kafka in front of real inboxes: both directions and modes, order, poison, batches as others write them, and two adapters that share a topic. */
import t, { type Test } from 'tap'
import { hasKafka, startKafka } from '#test/broker-process.ts'
import { skipFor } from '#test/outside-tools.ts'
import { until } from '#test/until.ts'
import { INBOX, startEvents, startServers } from './events-fixture.ts'
import { openKafkaUser } from './kafka/kafka-fixture.ts'

const event = (id: string, more: object = {}): string =>
  JSON.stringify({ specversion: '1.0', id, source: '/tax', type: 'org.example.assessed', ...more })
const JSON_EVENT = { 'content-type': 'application/cloudevents+json' }

async function world(t: Test) {
  const servers = await startServers(t)
  const kafka = await startKafka(t)
  const user = await openKafkaUser(t, kafka)
  const broker = { kind: 'kafka', urls: [`kafka://${kafka.address}:9092`], ackWaitSeconds: 2 }
  const send = { name: 'out', from: 'tax', inbox: INBOX, quarantine: { to: 'aside' } }
  return { servers, kafka, user, broker, send }
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
  t.equal(await adapter.metric('concordat_events_done_total'), 3)
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

void t.test('Kafka', async (t) => {
  if (!hasKafka()) return skipFor(t, 'Kafka is not installed')
  const made = await world(t)
  await t.test('events to an inbox', (t) => toAnInbox(t, made))
  await t.test('events of an inbox', (t) => ofAnInbox(t, made))
})
