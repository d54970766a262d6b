/**
 * Two nodes of a publisher on one database: BullMQ brings what was published to whichever is free, and the
 * rows decide. What the broker forgets or says again loses nothing and doubles nothing.
 */
import { Redis } from 'ioredis'
import t from 'tap'
import { skipFor } from '#test/outside-tools.ts'
import { dumped, hasRedis, restored, startRedis } from '#test/redis.ts'
import { until } from '#test/until.ts'
import { unreachable } from '../deliveries/delivery-fixture.ts'
import type { SubscriptionRooms } from './rooms.ts'
import {
  event,
  given,
  isChain,
  onBoth,
  ROOM_ID,
  type RoomWorld,
  SUBSCRIBER,
  TYPE,
} from './subscription-fixture.ts'

const SUBSCRIPTIONS = 4
const EVENTS = 50

if (!hasRedis()) skipFor(t, 'neither Valkey nor Redis is installed')
else {
  const redis = await startRedis()
  await onBoth('two nodes give out', async (t, world) => {
    await world.node.operation('addEventType', { body: { roomId: ROOM_ID, name: TYPE } })
    const inboxes = Array.from({ length: SUBSCRIPTIONS }, (_none, i) => `${SUBSCRIBER}/at${i}`)
    world.made.otherInboxes = Object.fromEntries(inboxes.map((inbox) => [inbox.split('/').at(-1)!, 'inbox:']))
    for (const inbox of inboxes)
      await world.node.ask('POST', `/api/v1/subs/${TYPE}`, { delivery: 'PUSH', options: { inbox } })
    await world.node.end()
    // What is given out stays in the outbox.
    world.made.way = () => Promise.reject(unreachable())
    const counts = new Map<string, number>()
    const counting =
      (name: string) =>
      (rooms: SubscriptionRooms): SubscriptionRooms => ({
        ...rooms,
        deliveries: {
          ...rooms.deliveries,
          async enqueue(handed) {
            counts.set(name, (counts.get(name) ?? 0) + 1)
            return rooms.deliveries.enqueue(handed)
          },
        },
      })
    const open = async (name: string, q: { recurring: boolean }) => {
      const node = await world.open(name, counting(name), { redisUrl: redis.url })
      await node.start(q)
      return node
    }
    const first = await open('a', { recurring: false })
    const second = await open('b', { recurring: false })
    const publish = (node: typeof first, id: string) =>
      node.ask('POST', `/pub/v1/${TYPE}`, event({ id }), 'DEV/GOV/1000/tax')
    let published = 0
    await t.test('no job runs: a call through the broker alone makes a node look', async (t) => {
      await until('both have given', async (saw) => {
        await publish(first, `call ${published++}`)
        return saw(['a', 'b'].map((name) => counts.get(name) ?? 0)).every((count) => count > 0)
      })
      await until('all given', async (saw) => saw(await behind(world)) === 0)
      t.equal(counts.get('a')! + counts.get('b')!, published * SUBSCRIPTIONS, 'each once')
    })
    await Promise.all([first.end(), second.end()])

    await t.test('a broker that is flushed, ends, or comes back as it was before', async (t) => {
      const nodes = [await open('c', { recurring: true }), await open('d', { recurring: true })]
      const broker = new Redis(redis.url, { lazyConnect: true })
      broker.on('error', () => undefined)
      t.teardown(() => broker.disconnect())
      let old: Awaited<ReturnType<typeof dumped>> = []
      for (let nth = 0; nth < EVENTS; nth++) {
        await publish(nodes[nth % 2]!, `broker ${nth}`)
        if (nth === 10) old = await dumped(broker)
        if (nth === 20) await redis.flush()
        if (nth === 30) await restored(broker, old)
        if (nth === 40) await redis.kill()
        if (nth === 45) await redis.start()
      }
      published += EVENTS
      await until('all given', async (saw) => saw(await behind(world)) === 0)
      await restored(broker, old)
      await publish(nodes[0]!, 'last')
      await until('the last one given', async (saw) => saw(await behind(world)) === 0)
      for (const inbox of inboxes) {
        const events = await given(world, inbox.split('/').at(-1)!)
        t.equal(events.length, published + 1, 'each once')
        t.ok(isChain(events), 'in order')
      }
    })
  })
  await redis.kill()
}

async function behind({ node }: RoomWorld): Promise<number> {
  const { items } = (await node.operation('getSubscriptions')) as { items: { behind: number }[] }
  return items.reduce((sum, one) => sum + one.behind, 0)
}
