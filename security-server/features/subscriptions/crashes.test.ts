/**
 * A process that ends between any two steps, two nodes at once, and very much that waits: each event once, in
 * a chain without a gap.
 */
import type { Kysely } from 'kysely'
import { collectOnce } from '#platform/process/collect-once.ts'
import type { SubscriptionRooms } from './rooms.ts'
import {
  type Given,
  given,
  isChain,
  onBoth,
  ROOM_ID,
  type RoomWorld,
  SUBSCRIBER,
  TYPE,
} from './subscription-fixture.ts'
import type { Tables } from './tables.ts'

const SUBS = `/api/v1/subs/${TYPE}`
// Together 40 MB, as 100,000 small events would be: the memory is what is looked at, and each event costs
// half a millisecond.
const WAITING = 4_000
const EVENT_CHARACTERS = 9_800
const SUBSCRIBERS = 100
/** Far less than the events take, and more than the work on a batch of them. */
const MOST_MEGABYTES = 24
/**
 * In so many batches memory is looked at once, which collects all garbage and takes as long as a hundred of
 * them.
 */
const BATCHES_PER_LOOK = 30

const crash = (): Promise<never> => Promise.reject(new Error('the process has ended'))
const push = (inbox: string, more: object = {}) => ({
  delivery: 'PUSH',
  options: { inbox: `${SUBSCRIBER}/${inbox}`, after: '0000000000000000', ...more },
})

/** After so many results the process ends: `times` counts down. */
function dies<A extends unknown[], R>(act: (...asked: A) => Promise<R>, times: number) {
  let left = times
  return async (...asked: A): Promise<R> => {
    const result = await act(...asked)
    return left-- > 0 ? result : crash()
  }
}

const POINTS: Record<string, (rooms: SubscriptionRooms) => SubscriptionRooms> = {
  'before the first event': (rooms) => ({
    ...rooms,
    deliveries: { ...rooms.deliveries, enqueue: crash },
    subscriptions: { ...rooms.subscriptions, moved: crash },
  }),
  'after the third event': (rooms) => ({
    ...rooms,
    deliveries: { ...rooms.deliveries, enqueue: dies(rooms.deliveries.enqueue, 2) },
    // Nor is written down how far it came.
    subscriptions: { ...rooms.subscriptions, moved: crash },
  }),
  'before the cursor moved': (rooms) => ({
    ...rooms,
    subscriptions: { ...rooms.subscriptions, moved: crash },
  }),
  'after the cursor moved': (rooms) => ({
    ...rooms,
    subscriptions: { ...rooms.subscriptions, moved: dies(rooms.subscriptions.moved, 0) },
  }),
}

/** The inbox is there while it is asked; then what it is sent stays in the outbox. */
async function subscribe({ made, node }: RoomWorld, inbox: string): Promise<void> {
  made.otherInboxes = { [inbox]: 'inbox:' }
  await node.ask('POST', SUBS, push(inbox))
  made.otherInboxes = {}
}

/** Six events are published; the node that gives them out ends at the point, and starts anew. */
async function crashAt(
  name: string,
  inbox: string,
  world: RoomWorld,
  between: () => Promise<void> = async () => undefined,
): Promise<Given[]> {
  for (let i = 0; i < 6; i++) await world.publish({ id: `${inbox} ${i}` })
  await world.node.end()
  world.node = await world.open('node1', POINTS[name])
  await subscribe(world, inbox)
  await world.node.run('give-out-events').catch(() => undefined)
  await between()
  await world.node.end()
  world.node = await world.open('node1')
  await world.node.run('give-out-events')
  return given(world, inbox)
}

await onBoth('crashes', async (t, world) => {
  await world.node.operation('addEventType', { body: { roomId: ROOM_ID, name: TYPE } })
  let published = 0
  for (const [i, name] of Object.keys(POINTS).entries()) {
    const events = await crashAt(name, `at${i}`, world)
    published += 6
    t.equal(events.length, published, `${name}: each once`)
    t.ok(isChain(events), `${name}: in a chain`)
  }

  await t.test('another filter between the crash and the new start: the chain has no gap', async (t) => {
    const all = (await world.node.ask('GET', '/api/v1/subs')).body as unknown as { id: string }[]
    for (const { id } of all) await world.node.ask('DELETE', `${SUBS}?id=${id}`)
    const events = await crashAt('after the third event', 'changed', world, async () => {
      const accepted = await given(world, 'changed')
      t.equal(accepted.length, 3)
      const filters = [{ not: { exact: { id: accepted[1]!.id } } }]
      await world.node.ask('PATCH', SUBS, { options: { filters } })
    })
    t.equal(events.length, published + 6, 'what was accepted before is not sent twice')
    t.ok(isChain(events))
  })

  await t.test(
    'suspended while more than a batch comes: all of it is given when the right is back',
    async (t) => {
      world.allowed = false
      for (let i = 0; i < 130; i++) await world.publish({ id: `suspended ${i}` })
      await world.node.run('give-out-events')
      t.match((await world.node.ask('GET', SUBS)).body, { state: 'suspended', error: 'access_denied' })
      world.allowed = true
      world.made.world.skew += 11 * 60_000
      await world.node.run('give-out-events')
      const events = await given(world, 'changed')
      published += 6 + 130
      t.equal(events.length, published)
      t.ok(isChain(events))
      await world.node.ask('DELETE', SUBS)
    },
  )

  await t.test('two nodes at once', async (t) => {
    // Nothing is sent here: all stays in the outbox.
    world.made.settings.outboxEvents = 10_000
    for (let i = 0; i < 8; i++) await subscribe(world, `both${i}`)
    const nodes = [world.node, await world.open('node2')]
    for (let i = 0; i < 10; i++) {
      await Promise.all(nodes.map((node) => node.run('give-out-events')))
      await world.publish({ id: `both ${i}` })
    }
    await Promise.all(nodes.map((node) => node.run('give-out-events')))
    for (let i = 0; i < 8; i++) {
      const events = await given(world, `both${i}`)
      t.equal(events.length, published + 10)
      t.ok(isChain(events))
    }
  })
})

await onBoth(`${WAITING} events wait for ${SUBSCRIBERS} subscriptions`, async (t, world) => {
  const { node, made } = world
  const { id } = (await node.operation('addEventType', { body: { roomId: ROOM_ID, name: TYPE } })) as {
    id: number
  }
  const { kysely } = made.sender.database as unknown as { kysely: Kysely<Tables> }
  const { seal, current } = made.sender.offers().eventSeals.keys
  const before = megabytes()
  const at = new Date(made.world.clock()).toISOString()
  for (let sequence = 1; sequence <= WAITING; ) {
    const rows = Array.from({ length: 500 }, () => {
      const name = sequence === WAITING ? 'last' : `e${sequence}`
      const text = {
        specversion: '1.0',
        id: name,
        source: '/tax',
        type: TYPE,
        data: 'x'.repeat(EVENT_CHARACTERS),
      }
      const content = seal(`event ${sequence} of type ${id}`, Buffer.from(JSON.stringify(text)))
      const common = {
        type: id,
        sequence,
        publisher: 'DEV/GOV/1000/tax',
        event_key: name,
        key_id: current,
        content,
      }
      sequence++
      return { ...common, published_at: at, expires_at: '9999' }
    })
    await kysely.insertInto('room_event').values(rows).execute()
  }
  await kysely.updateTable('room_type').set({ last: WAITING }).execute()
  world.allowed = false
  const unasking = await world.open('node3', (rooms) => ({
    ...rooms,
    deliveries: { ...rooms.deliveries, checkInbox: async () => undefined },
  }))
  for (let i = 0; i < SUBSCRIBERS; i++)
    await unasking.ask('POST', SUBS, push(`many${i}`, { filters: [{ exact: { id: 'last' } }] }))
  await unasking.end()
  await node.run('give-out-events')
  t.match(await node.operation('getSubscriptions', { query: { limit: 1 } }), {
    items: [{ behind: WAITING, error: 'access_denied' }],
    counts: { suspended: SUBSCRIBERS },
  })
  t.ok(megabytes() - before < MOST_MEGABYTES, 'they are rows')

  const seen: number[] = []
  let batches = 0
  await kysely.deleteFrom('room_subscription').where('inbox', '<>', `${SUBSCRIBER}/many0`).execute()
  const measured = await world.open('node2', (rooms) => ({
    ...rooms,
    events: {
      ...rooms.events,
      async after(...asked) {
        const events = await rooms.events.after(...asked)
        if (batches++ % BATCHES_PER_LOOK === 0) seen.push(megabytes() - before)
        return events
      },
    },
  }))
  world.allowed = true
  made.world.skew += 11 * 60_000
  await measured.run('give-out-events')
  const [one, ...others] = await given(world, 'many0')
  t.match([one, others], [{ id: 'last', sequenceafter: undefined }, []])
  t.ok(Math.max(...seen) < MOST_MEGABYTES, `while they are given out: ${Math.max(...seen).toFixed(1)} MB`)
})

/** What is in memory, with all garbage gone. */
function megabytes(): number {
  collectOnce()
  const { heapUsed, external } = process.memoryUsage()
  return (heapUsed + external) / 1_048_576
}
