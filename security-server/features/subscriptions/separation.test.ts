/** What one type, publisher or subscriber does neither reaches nor holds up another, on both stores. */
import type { Kysely } from 'kysely'
import { Fault } from '#schemas/fault.ts'
import { hand } from '../deliveries/acts-fixture.ts'
import { unreachable } from '../deliveries/delivery-fixture.ts'
import {
  AS_TAX,
  event,
  INBOX,
  onBoth,
  given as outboxOf,
  PUB,
  ROOM_ID,
  type RoomWorld,
  TYPE,
} from './subscription-fixture.ts'
import type { Tables } from './tables.ts'

const OTHER = 'org.example.other'
const PUSH = { delivery: 'PUSH', options: { inbox: INBOX } }

/** The events that wait to be sent to the inbox, in the order in which they were given out. */
async function given({ made }: RoomWorld): Promise<Record<string, unknown>[]> {
  await made.sender.run('send-deliveries')
  const { body } = await made.receiver.ask(
    ...([
      'GET',
      `/deliveries/v1/inbox/${INBOX}?limit=100`,
      { 'x-road-client': 'DEV/GOV/2000/population' },
    ] as const),
  )
  const events = body['events'] as { id: string; event: Record<string, unknown> }[]
  for (const { id } of events)
    await made.receiver.ask('POST', `/deliveries/v1/inbox/${INBOX}/${id}/acknowledgement`, {
      'x-road-client': 'DEV/GOV/2000/population',
    })
  return events.map((one) => one.event)
}

async function publishAt({ app }: RoomWorld['node'], type = TYPE): Promise<void> {
  await app.inject({
    ...{ method: 'POST', url: PUB.replace(TYPE, type), payload: JSON.stringify(event({ id: type, type })) },
    headers: { ...AS_TAX, 'content-type': 'application/cloudevents+json' },
  })
}

await onBoth('two types whose numbers are the same', async (t, world) => {
  // Types that are made in one millisecond begin with one number.
  let now = world.made.world.clock()
  const node = await world.open('node2', (rooms) => ({ ...rooms, clock: () => now }))
  for (const name of [TYPE, OTHER]) {
    await node.operation('addEventType', { body: { roomId: ROOM_ID, name } })
    await node.ask('POST', `/api/v1/subs/${name}`, PUSH)
  }
  world.contractFault = new Fault('contract_ended', { what: 'C-1' })
  for (const type of [TYPE, OTHER]) await publishAt(node, type)
  await node.run('give-out-events')
  world.contractFault = undefined
  now += 10 * 60_000
  await node.run('give-out-events')
  t.strictSame(
    (await given(world)).map(({ type }) => type).sort(),
    [TYPE, OTHER].sort(),
    'each subscription was given the events of its own type',
  )
  for (const name of [TYPE, OTHER])
    t.match((await node.ask('GET', `/api/v1/subs/${name}`)).body, { state: 'active', error: null, reused: 0 })
})

await onBoth('an inbox for which as much waits as may', async (t, world) => {
  const { node, made } = world
  made.otherInboxes = { others: 'inbox:' }
  await node.operation('addEventType', { body: { roomId: ROOM_ID, name: TYPE } })
  const others = INBOX.replace('assessments', 'others')
  const subscribed = async (inbox: string) =>
    (await node.ask('POST', `/api/v1/subs/${TYPE}`, { delivery: 'PUSH', options: { inbox } })).body['id']
  const [full, free] = [await subscribed(INBOX), await subscribed(others)]
  const stateOf = async (id: unknown) => (await node.ask('GET', `/api/v1/subs/${TYPE}?id=${id}`)).body
  made.settings.outboxEvents = 12
  // Half of what the outbox takes is handed over, and stays there.
  made.way = () => Promise.reject(unreachable())
  for (let nth = 0; nth < 6; nth++) t.equal((await hand(made, { id: `H-${nth}` })).status, 202)
  for (const id of ['E-1', 'E-2', 'E-3']) await world.publish({ id })
  await node.run('give-out-events')
  t.match(await stateOf(full), { state: 'suspended', error: 'outbox_full' }, 'the subscriber is told')
  t.match(await stateOf(free), { state: 'active', error: null })
  t.strictSame(
    (await outboxOf(world, 'others')).map(({ id }) => id),
    ['E-1', 'E-2', 'E-3'],
    'others go on',
  )
  t.match(await node.health(), {
    ok: true,
    reason: /^1 subscriptions are given nothing: the outbox has no place/,
  })
  made.settings.outboxEvents = 100
  made.world.skew += 10 * 60_000
  await node.run('give-out-events')
  t.match(await stateOf(full), { state: 'active', error: null })
  const caughtUp = (await outboxOf(world, 'assessments')).slice(6)
  t.strictSame(
    caughtUp.map(({ id }) => id),
    ['E-1', 'E-2', 'E-3'],
    'it was kept in the room',
  )
  t.strictSame(
    caughtUp.map(({ sequenceafter }) => sequenceafter),
    [undefined, ...caughtUp.slice(0, -1).map(({ sequence }) => sequence)],
    'and nothing is missing',
  )
})

await onBoth(
  'an inbox that takes what it is given, while the outbox has few free places',
  async (t, world) => {
    const { node, made } = world
    made.otherInboxes = { others: 'inbox:' }
    await node.operation('addEventType', { body: { roomId: ROOM_ID, name: TYPE } })
    const inbox = INBOX.replace('assessments', 'others')
    await node.ask('POST', `/api/v1/subs/${TYPE}`, { delivery: 'PUSH', options: { inbox } })
    made.settings.outboxEvents = 12
    made.way = () => Promise.reject(unreachable())
    for (let nth = 0; nth < 6; nth++) t.equal((await hand(made, { id: `H-${nth}` })).status, 202)
    for (let nth = 0; nth < 16; nth++) await world.publish({ id: `E-${nth}` })
    const { kysely } = made.sender.database as unknown as { kysely: Kysely<Tables> }
    const failures = async () =>
      (await kysely.selectFrom('room_subscription').select('failures').execute()).map((row) => row.failures)
    // Its wait is a second: on a machine that stood still for that long it would be tried again, and get
    // nothing.
    made.world.standing = Date.now()
    for (let turn = 1; turn <= 3; turn++) {
      await node.run('give-out-events')
      t.equal((await outboxOf(world, 'others')).length, 3 * turn, 'as many as there are places')
      t.strictSame(await failures(), [1], 'it waits no longer each time, as it goes on')
      // Six more go.
      made.settings.outboxEvents += 6
      made.world.skew += 10_000
    }
  },
)

await onBoth('a subscriber that fetches with a filter', async (t, world) => {
  const counting = new AbortController()
  let turn = 0
  const count = (): void => {
    turn++
    if (!counting.signal.aborted) setImmediate(count)
  }
  const turns: number[] = []
  const node = await world.open('node2', (rooms) => ({
    ...rooms,
    keys: {
      ...{ known: rooms.keys.known, current: rooms.keys.current, seal: rooms.keys.seal },
      open(of, sealed) {
        turns.push(turn)
        return rooms.keys.open(of, sealed)
      },
    },
  }))
  await node.operation('addEventType', { body: { roomId: ROOM_ID, name: TYPE } })
  const filters = [{ sql: "LENGTH(subject) > 10 AND subject LIKE '%x_x%'" }]
  await node.ask('POST', `/api/v1/subs/${TYPE}`, { delivery: 'PULL', options: { filters } })
  for (let i = 0; i < 40; i++) await world.publish({ id: `A-${i}`, subject: 'y'.repeat(100) })
  count()
  t.strictSame((await node.ask('GET', `/pull/v1/${TYPE}`)).body, [])
  counting.abort()
  t.equal(new Set(turns).size, 40, 'lets everybody else have their turn after each event')
})

await onBoth('what goes while somebody subscribes', async (t, world) => {
  let meanwhile = async (): Promise<void> => {}
  const node = await world.open('node2', (rooms) => ({
    ...rooms,
    subscriptions: {
      ...rooms.subscriptions,
      async add(row) {
        await meanwhile()
        return rooms.subscriptions.add(row)
      },
    },
  }))
  const added = await node.operation('addEventType', { body: { roomId: ROOM_ID, name: TYPE, keepDays: 1 } })
  const { body: published } = await world.publish()
  meanwhile = async () => {
    world.made.world.skew += 2 * 86_400_000
    await world.node.run('keep-up-rooms')
  }
  const fromTheFirst = { delivery: 'PUSH', options: { inbox: INBOX, after: '0000000000000000' } }
  t.match(
    (await node.ask('POST', `/api/v1/subs/${TYPE}`, fromTheFirst)).body,
    { sequence: published['sequence'] },
    'events that expired: it begins behind them, and says so',
  )
  await node.run('give-out-events')
  await node.ask('DELETE', `/api/v1/subs/${TYPE}`)
  meanwhile = async () => {
    const params = { id: String(added['id']) }
    await world.node.operation('updateEventType', { params, body: { closed: true } })
    await world.node.operation('deleteEventType', { params })
  }
  // Certificates have no status of those days, and the inbox is asked.
  world.made.world.skew = 0
  await t.rejects(node.ask('POST', `/api/v1/subs/${TYPE}`, PUSH), { code: 'not_found' }, 'the type')
  t.match(await node.operation('getSubscriptions'), { items: [] }, 'and no subscription stays without one')
})

await onBoth('events that are not there any more', async (t, world) => {
  const { node, made } = world
  await node.operation('addEventType', { body: { roomId: ROOM_ID, name: TYPE } })
  await node.ask('POST', `/api/v1/subs/${TYPE}`, PUSH)
  const removedMeanwhile = await world.open('node2', (rooms) => ({
    ...rooms,
    events: {
      ...rooms.events,
      async after() {
        const { kysely } = made.sender.database as unknown as { kysely: Kysely<Tables> }
        await kysely.deleteFrom('room_event').execute()
        return []
      },
    },
  }))
  await publishAt(removedMeanwhile)
  await removedMeanwhile.run('give-out-events')
  t.match(
    (await node.ask('GET', `/api/v1/subs/${TYPE}`)).body,
    { state: 'lapsed', error: 'events_lost' },
    'who needed them is told, and nobody looks for them for ever',
  )
})
