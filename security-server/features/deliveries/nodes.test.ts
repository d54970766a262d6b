/**
 * Several nodes of a sender on one database: BullMQ brings what is new to whichever is free, and the rows
 * decide. What the broker forgets or says again loses nothing and doubles nothing.
 */
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { skipFor } from '#test/outside-tools.ts'
import { hasPostgresql, postgresql } from '#test/postgresql.ts'
import { dumped, hasRedis, restored, startRedis } from '#test/redis.ts'
import { until } from '#test/until.ts'
import { AS_TAX, acknowledge, fetch, refreshed, structured, TO } from './acts-fixture.ts'
import { createDeliveryWorld, type DeliveryWorld, type Node } from './delivery-fixture.ts'

const LANES = 5
const STEP_MS = 10_000

const handTo = async ({ side }: Node, event: object): Promise<string> => {
  const headers = { ...AS_TAX, 'content-type': 'application/cloudevents+json' }
  return (await side.ask('POST', TO, headers, structured(event))).body['id'] as string
}
/** Everything in the inbox, in the order in which it is given out, acknowledged. */
const taken = async (made: DeliveryWorld): Promise<{ lane: unknown; data: unknown }[]> => {
  const found = await fetch(made, '?limit=100')
  for (const { id } of found) await acknowledge(made, id)
  return found.map(({ event }) => ({ lane: event.partitionkey, data: event.data }))
}
const untilTaken = async (made: DeliveryWorld, count: number) => {
  const all: Awaited<ReturnType<typeof taken>> = []
  await until('everything in the inbox', async (saw) => {
    all.push(...(await taken(made)))
    return saw(all.length) >= count
  })
  return all
}
const counts = async ({ side }: Node): Promise<Record<string, number>> => {
  const query = { box: 'outbox', limit: 1 }
  return ((await side.operation('getDeliveries', { query })) as { counts: Record<string, number> }).counts
}

async function twoNodes(t: Test, redisUrl: string, q: { recurring: boolean }) {
  const server = await postgresql()
  const made = await createDeliveryWorld(t, {
    sender: await server.freshDatabase(),
    receiver: await server.freshDatabase(),
  })
  const [first, second] = [await made.node('a', { redisUrl }), await made.node('b', { redisUrl })]
  await first.start(q)
  await second.start(q)
  return { made, first, second }
}

t.test('several nodes of a sender', async (t) => {
  if (!hasPostgresql()) return skipFor(t, 'PostgreSQL is not installed')
  if (!hasRedis()) return skipFor(t, 'neither Valkey nor Redis is installed')
  const redis = await startRedis()

  await t.test('what one accepts the other sends as well', async (t) => {
    // No job runs: only a call through the broker makes a node look.
    const { made, first, second } = await twoNodes(t, redis.url, { recurring: false })
    let handed = 0
    await until('both have sent', async (saw) => {
      await handTo(first, { data: handed++ })
      return saw([first.sent(), second.sent()]).every((sent) => sent > 0)
    })
    await untilTaken(made, handed)
    // The inbox has the last one before its sender has the answer.
    await until('none waits', async (saw) => saw(await counts(first))['waiting'] === 0)
    t.equal(first.sent() + second.sent(), handed, 'each message was sent once')
  })

  await t.test('a broker that is flushed, ends, or comes back as it was before', async (t) => {
    const { made, first, second } = await twoNodes(t, redis.url, { recurring: true })
    const nodes = [first, second]
    const broker = new Redis(redis.url, { lazyConnect: true })
    broker.on('error', () => undefined)
    t.teardown(() => broker.disconnect())
    const count = 60
    let old: [key: string, dump: Buffer][] = []
    for (let nth = 0; nth < count; nth++) {
      await handTo(nodes[nth % 2]!, { partitionkey: `lane ${nth % LANES}`, data: nth })
      if (nth === 10) old = await dumped(broker)
      if (nth === 20) await redis.flush()
      if (nth === 30) await restored(broker, old)
      if (nth === 40) await redis.kill()
      if (nth === 50) await redis.start()
    }
    t.ok(old.length > 0, 'the broker had something')
    const all = await untilTaken(made, count)
    for (let lane = 0; lane < LANES; lane++) {
      const inOrder = Array.from({ length: count / LANES }, (_none, i) => i * LANES + lane)
      t.strictSame(
        all.filter((one) => one.lane === `lane ${lane}`).map(({ data }) => data),
        inOrder,
        `lane ${lane}: each once, in order`,
      )
    }
    await restored(broker, old)
    await until('the receipts of all', async (saw) => {
      made.world.skew += STEP_MS
      // A slow machine looks often enough to be an hour later.
      await refreshed(made)
      const { consumed } = saw(await counts(first))
      return consumed === count
    })
    t.strictSame(await taken(made), [], 'nothing comes again')
  })
  await redis.kill()
})
