/**
 * What one publisher or one event can do to subscriptions of others: never more than to what is theirs; on
 * both stores.
 */
import type { Kysely } from 'kysely'
import { unreachable } from '../deliveries/delivery-fixture.ts'
import {
  event,
  given,
  INBOX,
  isChain,
  onBoth,
  ROOM,
  ROOM_ID,
  type RoomWorld,
  SUBSCRIBER,
  TYPE,
} from './subscription-fixture.ts'

type Rows = Kysely<Record<string, Record<string, unknown>>>

const SUBS = `/api/v1/subs/${TYPE}`
const YEAR_MS = 365 * 86_400_000

const rowsOf = ({ made }: RoomWorld): Rows => (made.sender.database as unknown as { kysely: Rows }).kysely

async function subscriptionsOf({ node }: RoomWorld): Promise<{ state: string; given: string | null }[]> {
  return (await node.operation('getSubscriptions'))['items'] as never
}

await onBoth('an event that cannot be given', async (t, world) => {
  const { node, made } = world
  await node.operation('addEventType', { body: { roomId: ROOM_ID, name: TYPE } })
  const ids = async (): Promise<string[]> => (await given(world, 'assessments')).map(({ id }) => id)
  const publishAll = async (...events: object[]): Promise<string[]> => {
    const sequences: string[] = []
    for (const one of events) {
      const { status, body } = await world.publish(one)
      t.equal(status, 201, JSON.stringify(one).slice(0, 80))
      sequences.push(String(body['sequence']))
    }
    return sequences
  }
  const push = await node.ask('POST', SUBS, { delivery: 'PUSH', options: { inbox: INBOX, filters: [] } })
  t.equal(push.status, 201)
  const [{ id }] = (await node.operation('getSubscriptions'))['items'] as [{ id: number }]
  const params = { id: String(id) }
  /** Who publishes has events given out at once; until what it returns is called, none is. */
  const halted = async (): Promise<() => Promise<void>> => {
    await node.operation('suspendSubscription', { params })
    return async () => {
      await node.operation('resumeSubscription', { params })
      await node.run('give-out-events')
    }
  }
  // What was handed over stays, so that it can be looked at.
  made.way = () => Promise.reject(unreachable())

  await t.test('the last leap second that there is', async (t) => {
    await publishAll({ id: 'a' }, { id: 'b', expirytime: '9999-12-31T23:59:60Z' }, { id: 'c' })
    await node.run('give-out-events')
    t.strictSame(await ids(), ['a', 'b', 'c'])
    t.match(await subscriptionsOf(world), [{ state: 'active' }])
  })

  await t.test('larger than events may be by now: it is missing in the chain, all others come', async (t) => {
    const before = made.settings.eventBytes
    const go = await halted()
    const [, large] = await publishAll({ id: 'd' }, { id: 'large', data: 'x'.repeat(50_000) }, { id: 'e' })
    made.settings.eventBytes = 10_000
    await go()
    made.settings.eventBytes = before
    t.strictSame(await ids(), ['a', 'b', 'c', 'd', 'e'])
    const { sequenceafter } = (await given(world, 'assessments')).at(-1)!
    t.equal(sequenceafter, large)
    t.match(await subscriptionsOf(world), [{ state: 'active' }])
    t.match(await node.metrics(), 'concordat_room_events_total{what="passed_over"} 1')
  })

  await t.test(
    'a name twice in an object: refused, and passed over where it was published before',
    async (t) => {
      const pull = await node.ask('POST', SUBS, { delivery: 'PULL' })
      t.equal(pull.status, 201)
      const twice = JSON.stringify(event({ data: 0 })).replace('"data":0', '"data":{"a":[{"b":1,"b":2}]}')
      await t.rejects(node.ask('POST', `/pub/v1/${TYPE}`, twice, 'DEV/GOV/1000/tax'), {
        code: 'malformed_json',
      })
      const go = await halted()
      const [, old, last] = await publishAll({ id: 'f' }, { id: 'old' }, { id: 'g' })
      const { keys } = made.sender.offers().eventSeals
      const { type } = await rowsOf(world)
        .selectFrom('room_event')
        .select('type')
        .where('sequence', '=', Number(old))
        .executeTakeFirstOrThrow()
      await rowsOf(world)
        .updateTable('room_event')
        .set({ content: keys.seal(`event ${Number(old)} of type ${Number(type)}`, Buffer.from(twice)) })
        .where('sequence', '=', Number(old))
        .execute()
      await go()
      t.strictSame((await ids()).slice(-2), ['f', 'g'])
      const { body } = await node.ask('GET', `/pull/v1/${TYPE}`)
      const fetched = body as unknown as { id: string; event: { id: string; sequenceafter?: string } }[]
      t.match(fetched, [{ event: { id: 'f' } }, { event: { id: 'g', sequenceafter: old } }])
      t.equal(fetched[1]!.id, last)
    },
  )

  await t.test('one that cannot be held against the contract', async (t) => {
    // Indexes below indexes: each of 50 items has a rule of its own, and of those again each of 50.
    const items = Array.from({ length: 50 }, (_, i) => i)
    world.fields = ['/data/a', '/data/a/a', '/data/a/a/a'].flatMap((place) =>
      items.map((i) => `${place}/${i}/a/x${i}`),
    )
    const nested = (levels: number): unknown =>
      levels === 0 ? 0 : { a: items.map(() => nested(levels - 1)) }
    await publishAll({ id: 'h' }, { id: 'unheld', data: nested(2) }, { id: 'i' })
    await node.run('give-out-events')
    const last = (await given(world, 'assessments')).slice(-2)
    t.strictSame(
      last.map(({ id }) => id),
      ['h', 'i'],
    )
    t.notOk(isChain(last), 'the subscriber sees that one is missing')
    world.fields = undefined
  })
})

await onBoth('a clock that was ahead for a while', async (t, world) => {
  const { node, made } = world
  await node.operation('addEventType', { body: { roomId: ROOM_ID, name: TYPE } })
  await node.ask('POST', SUBS, { delivery: 'PUSH', options: { inbox: INBOX, filters: [] } })
  await node.ask('POST', SUBS, { delivery: 'PULL' })
  made.way = () => Promise.reject(unreachable())
  const ahead = async (act: () => Promise<unknown>): Promise<void> => {
    made.world.skew += YEAR_MS
    await act()
    made.world.skew += 60_000 - YEAR_MS
  }
  const fetched = async (): Promise<unknown[]> => {
    const { body } = await node.ask('GET', `/pull/v1/${TYPE}?lease=3600`)
    return (body as unknown as { event: { id: string } }[]).map((one) => one.event.id)
  }

  await world.publish({ id: 'a' })
  await ahead(async () => {
    world.allowed = false
    await node.run('give-out-events')
    world.allowed = true
    t.strictSame(await fetched(), ['a'])
  })
  await node.run('give-out-events')
  t.strictSame(
    (await given(world, 'assessments')).map(({ id }) => id),
    ['a'],
    'what was suspended goes on',
  )
  t.strictSame(await fetched(), ['a'], 'what was leased is given out')
  t.strictSame(await fetched(), [], 'and is leased')
})

await onBoth('an event that takes long to read', async (t, world) => {
  const { made } = world
  const opened: string[] = []
  const node = await world.open('node2', (rooms) => ({
    ...rooms,
    keys: {
      ...rooms.keys,
      get current() {
        return rooms.keys.current
      },
      get known() {
        return rooms.keys.known
      },
      open: (of, sealed) => {
        opened.push(of)
        return rooms.keys.open(of, sealed)
      },
    },
  }))
  await node.operation('addEventType', { body: { roomId: ROOM_ID, name: TYPE } })
  const inboxes = ['assessments', 'one', 'two', 'three']
  made.otherInboxes = Object.fromEntries(inboxes.slice(1).map((code) => [code, 'inbox:']))
  for (const code of inboxes) {
    const options = { inbox: `${SUBSCRIBER}/${code}`, filters: [] }
    t.equal((await node.ask('POST', SUBS, { delivery: 'PUSH', options })).status, 201)
  }
  made.way = () => Promise.reject(unreachable())
  for (const id of ['a', 'b', 'c'])
    await node.ask('POST', `/pub/v1/${TYPE}`, event({ id }), 'DEV/GOV/1000/tax')
  await node.run('give-out-events')
  for (const code of inboxes) t.equal((await given(world, code)).length, 3)
  t.equal(opened.length, 3, 'is read once for all subscriptions that get the same of it')
})

await onBoth('a name that another publisher took', async (t, world) => {
  const warned: object[] = []
  const node = await world.open('node2', (rooms) => {
    const log = Object.create(rooms.log) as typeof rooms.log
    log.warn = ((facts: object) => void warned.push(facts)) as typeof log.warn
    return { ...rooms, log }
  })
  await node.operation('addEventType', { body: { roomId: ROOM_ID, name: TYPE } })
  const publish = (client: string, data: number) =>
    node.ask('POST', `/pub/v1/${TYPE}`, event({ id: 'INV-1', data }), client)
  const { body } = await publish('DEV/GOV/1000/other', 1)
  await t.rejects(publish('DEV/GOV/1000/other', 2), { code: 'event_id_reused' })
  t.strictSame(warned, [], 'of its own')
  await t.rejects(publish('DEV/GOV/1000/tax', 1), { code: 'event_id_reused' })
  t.match(
    warned,
    [{ room: ROOM, sequence: Number(body['sequence']) }],
    'its operator is told which event it is',
  )
})
