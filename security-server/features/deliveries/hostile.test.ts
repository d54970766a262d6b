/**
 * What hostile members, broken clocks and a log that is away do to one-way messages: never more than to what
 * is theirs; on both stores.
 */
import type { Kysely } from 'kysely'
import t from 'tap'
import { Fault } from '#schemas/fault.ts'
import { NotSent } from '../../peer/not-sent.ts'
import {
  AS_TAX,
  acknowledge,
  DAY_MS,
  fetch,
  hand,
  onBoth,
  refreshed,
  settle,
  stateOf,
  structured,
  TO,
} from './acts-fixture.ts'
import { pageIn } from './ask-receipts.ts'
import { type DeliveryWorld, unreachable } from './delivery-fixture.ts'
import type { DeliveryRooms } from './rooms.ts'

type Rows = Kysely<Record<string, Record<string, unknown>>>
type Side = DeliveryWorld['sender']

const rowsOf = ({ database }: Side): Rows => (database as unknown as { kysely: Rows }).kysely

const TWICE = '{"a":1,"b":[{"a":2}],"a":3}'
const withData = (id: string, data: string): string =>
  structured({ id, data: 0 }).replace('"data":0', `"data":${data}`)

/** The event of a row as a version before could have taken it. */
async function keepAs(
  side: Side,
  q: { box: 'outbox' | 'inbox'; delivery: unknown; event: string },
): Promise<void> {
  const { keys } = side.offers().eventSeals
  await rowsOf(side)
    .updateTable(q.box)
    .set({ content: keys.seal(`event ${String(q.delivery)}`, Buffer.from(q.event)) })
    .where('delivery', '=', q.delivery)
    .execute()
}

await onBoth('a name twice in an object', async (t, made) => {
  const { sender, receiver } = made

  await t.test('is refused where an event is handed over, and in the inbox', async (t) => {
    t.match(await hand(made, withData('T-1', TWICE)), { status: 400, body: { type: 'malformed_json' } })
    const headers = {
      ...AS_TAX,
      'ce-specversion': '1.0',
      'ce-id': 'T-2',
      'ce-source': '/tax',
      'ce-type': 'x',
    }
    const handed = await sender.ask('POST', TO, { ...headers, 'content-type': 'application/json' }, TWICE)
    t.equal(handed.status, 202)
    await settle(made)
    const [event] = await fetch(made)
    t.match(event!.event, { data_base64: Buffer.from(TWICE).toString('base64') }, 'in binary mode it is data')
    await acknowledge(made, event!.id)

    // One that a version before took over goes to the dead letters, and nothing waits for it.
    made.way = () => Promise.reject(unreachable())
    const { id } = (await hand(made, { id: 'T-3', partitionkey: 'k' })).body
    await sender.run('send-deliveries')
    await keepAs(sender, { box: 'outbox', delivery: id, event: withData('T-3', TWICE) })
    await hand(made, { id: 'T-4', partitionkey: 'k' })
    made.way = (post) => post()
    made.world.skew += 60_000
    await settle(made)
    const shown = await sender.ask('GET', `/deliveries/v1/sent/${String(id)}`, AS_TAX)
    t.match(shown.body, { state: 'dead', error: 'malformed_json' })
    const [next] = await fetch(made)
    t.equal(next!.event.id, 'T-4')
    await acknowledge(made, next!.id)
  })

  await t.test('an event that an inbox has is given out by itself, all others without it', async (t) => {
    const ids = ['O-1', 'O-2', 'O-3', 'O-4']
    for (const id of ids) await hand(made, { id })
    await sender.run('send-deliveries')
    const all = await fetch(made, '?lease=1')
    t.equal(all.length, 4)
    const old = all.find(({ event }) => event.id === 'O-2')!
    await keepAs(receiver, { box: 'inbox', delivery: old.delivery, event: withData('O-2', TWICE) })
    // Its names are found anew from what it was, when the key of names is another one.
    await rowsOf(receiver).updateTable('inbox').set({ named_by: '' }).execute()
    await receiver.restart()
    made.world.skew += 2_000
    const seen = async (): Promise<(string | undefined)[]> =>
      (await fetch(made, '?lease=60')).map(({ event }) => event.id)
    t.strictSame(await seen(), ['O-1'])
    t.strictSame(await seen(), ['O-2'])
    t.strictSame(await seen(), ['O-3', 'O-4'])
    for (const { id } of all) await acknowledge(made, id)
  })
})

await onBoth('a clock that was ahead for a while', async (t, made) => {
  const { sender, receiver } = made
  const { world } = made
  const YEAR_MS = 365 * DAY_MS
  const ahead = async (act: () => Promise<unknown>): Promise<void> => {
    const before = world.skew
    world.skew = before + YEAR_MS
    await act()
    world.skew = before + 60_000
    await refreshed(made)
  }

  await t.test('closes no way, and holds no message', async (t) => {
    // Who hands over has messages sent at once: until this is over, none is.
    await sender.restart((rooms) => ({ ...rooms, jobs: { ...rooms.jobs, call: () => undefined } }))
    made.way = () => Promise.reject(unreachable())
    const first = await hand(made, { id: 'C-1' })
    await ahead(() => sender.run('send-deliveries'))
    made.way = (post) => post()
    const second = await hand(made, { id: 'C-2' })
    const job = sender.jobs().find(({ kind }) => kind === 'send-deliveries')!
    t.equal(await job.isDue!(), true)
    await sender.run('send-deliveries')
    for (const { body } of [first, second]) t.equal(await stateOf(made, body['id']), 'delivered')
    await sender.restart()
  })

  await t.test('leases nothing', async (t) => {
    const seen = async (query = ''): Promise<unknown[]> =>
      (await fetch(made, query)).map(({ event }) => event.id)
    await ahead(async () => t.strictSame(await seen('?lease=3600'), ['C-1', 'C-2']))
    const shown = { query: { box: 'inbox', limit: 10 } }
    const { items } = (await receiver.operation('getDeliveries', shown)) as { items: object[] }
    t.match(items, [{ next: { step: 'FETCHED' } }, { next: { step: 'FETCHED' } }])
    t.strictSame(await seen('?lease=3600'), ['C-1', 'C-2'])
    world.skew += 3_540_000
    t.strictSame(await seen(), [], 'a lease of the right time holds to its end')
    world.skew += 61_000
    const events = await fetch(made)
    t.equal(events.length, 2)
    await refreshed(made)
    for (const { id } of events) t.equal((await acknowledge(made, id)).status, 200)
  })

  await t.test('nor does what follows in a lane, and what is to be ended', async (t) => {
    await refreshed(made)
    for (const id of ['L-1', 'L-2']) await hand(made, { id, partitionkey: 'k' })
    await sender.run('send-deliveries')
    await ahead(async () => t.equal((await fetch(made)).length, 2))
    const events = await fetch(made, '?lease=1')
    t.equal(events.length, 2)
    await ahead(async () => t.equal((await fetch(made)).length, 2))
    const discard = { body: { box: 'inbox', positions: events.map(({ id }) => Number(id)), reason: 'wrong' } }
    t.strictSame(await receiver.operation('discardDeliveries', discard), { discarded: 2 })
  })

  await t.test('rests no system that was away', async (t) => {
    const pushed: unknown[] = []
    made.inboxUrl = 'inbox:https://system.example/events'
    made.system = () => Promise.reject(new NotSent(new Fault('network_error')))
    await hand(made, { id: 'A-1' })
    await sender.run('send-deliveries')
    await ahead(() => receiver.run('push-deliveries'))
    made.system = ({ event }) => {
      pushed.push(event['id'])
      return 204
    }
    await receiver.run('push-deliveries')
    t.strictSame(pushed.slice(-1), ['A-1'])
    made.inboxUrl = 'inbox:'
  })
})

await onBoth('a server that can neither sign nor log', async (t, made) => {
  const { sender, receiver, world } = made
  let canSign = false
  const arm = (rooms: DeliveryRooms): DeliveryRooms => ({
    ...rooms,
    signMessage: (...q) => (canSign ? rooms.signMessage(...q) : Promise.reject(new Fault('cannot_sign'))),
  })
  await receiver.restart(arm)
  const items = async (): Promise<object[]> => {
    const shown = { query: { box: 'inbox', limit: 10 } }
    return ((await receiver.operation('getDeliveries', shown)) as { items: object[] }).items
  }

  await t.test('what its system took is not pushed again, and no attempt is counted', async (t) => {
    made.inboxUrl = 'inbox:https://system.example/events'
    const pushed: unknown[] = []
    made.system = ({ event }) => {
      pushed.push(event['id'])
      return 204
    }
    const handed = await hand(made, { id: 'P-1', partitionkey: 'k' })
    await hand(made, { id: 'P-2', partitionkey: 'k' })
    await sender.run('send-deliveries')
    for (let turns = 0; turns < 6; turns++) {
      await receiver.run('push-deliveries')
      world.skew += 10 * 60_000
      await refreshed(made)
    }
    t.strictSame(pushed, ['P-1'])
    t.match(await items(), [{ state: 'waiting' }, { state: 'waiting', attempts: 0 }])
    canSign = true
    t.equal(await receiver.jobs().find(({ kind }) => kind === 'push-deliveries')!.isDue!(), true)
    await receiver.run('push-deliveries')
    t.strictSame(pushed, ['P-1', 'P-2'])
    t.match(await items(), [{ state: 'consumed' }, { state: 'consumed' }])
    await settle(made)
    t.equal(await stateOf(made, handed.body['id']), 'consumed')
    made.inboxUrl = 'inbox:'
  })

  await t.test('nor where it fetched the event', async (t) => {
    canSign = false
    await hand(made, { id: 'F-1' })
    await sender.run('send-deliveries')
    for (let turns = 0; turns < 6; turns++) {
      const [event] = await fetch(made, '?lease=1')
      t.equal(event!.event.id, 'F-1')
      t.match(await acknowledge(made, event!.id), { body: { type: 'cannot_sign' } })
      world.skew += 2_000
    }
    canSign = true
    const [event] = await fetch(made)
    t.match(await acknowledge(made, event!.id), { status: 200 })
  })
})

t.test('a page of receipts that would take long to read is not read', async (t) => {
  const read = (text: string) => {
    const bytes = Buffer.from(text)
    return pageIn({ status: 200, headers: [], body: { size: bytes.length, bytes } } as never)
  }
  const rest = '"receipts":[],"last":1,"more":true'
  const [many, escaped] = [`"",`.repeat(20_000), '\\u0041'.repeat(20_000)]
  for (const text of [`{"documents":[${many}""],${rest}}`, `{"documents":["${escaped}"],${rest}}`])
    await t.rejects(read(text), { code: 'invalid_message', what: /more than any page/ })
  const over = `"",`.repeat(100)
  await t.rejects(
    read(`{"documents":[${over}""],${rest}}`),
    { code: 'invalid_message', what: /no page/ },
    'nor one of no receipt',
  )
  const receipt = { position: 1, document: 99, receipt: 'A', hashChainResult: 'A', hashChain: 'A' }
  const full = {
    documents: Array.from({ length: 100 }, () => 'A'.repeat(60_000)),
    receipts: Array.from({ length: 100 }, () => receipt),
    states: Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`DEV-${i}`, 'waiting'])),
    ...{ last: 1, more: true },
  }
  t.equal((await read(JSON.stringify(full))).receipts.length, 100, 'the largest one is')
})

await onBoth('what an inbox is asked', async (t, made) => {
  const { sender, receiver, world } = made

  await t.test('other messages under the id of a delivery hide nothing', async (t) => {
    const { id } = (await hand(made, { id: 'victim' })).body
    await sender.run('send-deliveries')
    const [event] = await fetch(made)
    const rows = rowsOf(receiver)
    const row = await rows
      .selectFrom('inbox')
      .selectAll()
      .where('delivery', '=', id)
      .executeTakeFirstOrThrow()
    // Of another sender, and before: any system may choose the id of its exchange.
    for (let i = 0; i < 20; i++)
      await rows
        .insertInto('inbox')
        .values({
          ...row,
          position: -1 - i,
          event_key: `other ${i}`,
          lane: `other ${i}`,
          client: 'DEV/GOV/1/other',
        })
        .execute()
    world.skew += 2 * DAY_MS
    await refreshed(made)
    await sender.run('ask-delivery-states')
    t.equal(await stateOf(made, id), 'delivered')
    await rows.deleteFrom('inbox').where('position', '<', 0).execute()
    await acknowledge(made, event!.id)
    await settle(made)
    t.equal(await stateOf(made, id), 'consumed')
  })
})

await onBoth('what waits for too long', async (t, made) => {
  const { sender } = made
  made.way = () => Promise.reject(unreachable())
  const { id } = (await hand(made, { id: 'W-1' })).body
  await sender.run('send-deliveries')
  made.world.skew += 15 * DAY_MS
  await refreshed(made)
  made.way = (post) => post()
  await sender.restart((rooms) => ({
    ...rooms,
    routes: {
      ...rooms.routes,
      // Between the look and the end, it is sent.
      tooLong: async (q) => {
        const found = await rooms.routes.tooLong(q)
        const until = new Date(made.world.clock() + 60_000).toISOString()
        await rowsOf(sender)
          .updateTable('outbox')
          .set({ claimed_by: 'node2 x', claimed_until: until })
          .execute()
        return found
      },
    },
  }))
  await sender.run('keep-up-deliveries')
  t.equal(await stateOf(made, id), 'waiting', 'is not given up while it is being sent')
  await sender.restart()
  await rowsOf(sender).updateTable('outbox').set({ claimed_by: '', claimed_until: '' }).execute()
  await sender.run('keep-up-deliveries')
  t.equal(await stateOf(made, id), 'dead')
})
