/** What seldom happens to deliveries and has to be right then, on both stores. */
import type { Kysely } from 'kysely'
import { parseServiceId } from '#schemas/identifiers.ts'
import { until } from '#test/until.ts'
import { TAX } from '../../peer/peer-fixture.ts'
import {
  AS_TAX,
  acknowledge,
  fetch,
  hand,
  onBoth,
  receiptIn,
  refreshed,
  settle,
  stateOf,
  structured,
  TO,
} from './acts-fixture.ts'
import { unreachable } from './delivery-fixture.ts'
import type { DeliveryRooms } from './rooms.ts'

type Rows = Kysely<Record<string, Record<string, unknown>>>

await onBoth('edges', async (t, made) => {
  const { sender, receiver } = made
  const emptied = async (): Promise<void> => {
    for (let events = await fetch(made); events.length > 0; events = await fetch(made))
      for (const { id } of events) await acknowledge(made, id)
  }

  await t.test('events that did not fit into an answer were not given out', async (t) => {
    made.settings.eventBytes = 2_000_000
    await receiver.restart()
    await sender.restart()
    const large = 'x'.repeat(900_000)
    for (let nth = 1; nth <= 6; nth++) await hand(made, { id: `L-${nth}`, data: large })
    await settle(made)
    let given = await fetch(made, '?limit=100&lease=1')
    for (let nth = 2; nth <= made.settings.attempts; nth++) {
      made.world.skew += 2_000
      given = await fetch(made, '?limit=100&lease=1')
    }
    t.equal(given.length, 4)
    const listed = (await receiver.operation('getDeliveries', {
      query: { box: 'inbox', limit: 10 },
    })) as { items: { attempts: number }[] }
    t.strictSame(
      listed.items.map(({ attempts }) => attempts),
      [0, 0, 3, 3, 3, 3],
    )
    for (const { id } of given) await acknowledge(made, id)
    await emptied()
  })

  await t.test('a small event does not overtake a large one of its lane', async (t) => {
    await hand(made, { id: 'S-1', partitionkey: 's', data: 'x'.repeat(900_000) })
    for (let nth = 2; nth <= 5; nth++)
      await hand(made, { id: `S-${nth}`, partitionkey: 's', data: 'x'.repeat(900_000) })
    await hand(made, { id: 'S-6', partitionkey: 's' })
    for (let nth = 1; nth <= 6; nth++) await settle(made)
    const ids: unknown[] = []
    for (let events = await fetch(made); events.length > 0; events = await fetch(made))
      for (const { id, event } of events) {
        ids.push(event.id)
        await acknowledge(made, id)
      }
    t.strictSame(ids, ['S-1', 'S-2', 'S-3', 'S-4', 'S-5', 'S-6'])
  })

  await t.test(
    'a redriven event that stands before leased ones of its lane leaves them leased',
    async (t) => {
      await hand(made, { id: 'R-1', partitionkey: 'r' })
      await hand(made, { id: 'R-2', partitionkey: 'r' })
      await settle(made)
      await settle(made)
      for (let nth = 1; nth <= made.settings.attempts; nth++) {
        await fetch(made, '?limit=1&lease=1')
        made.world.skew += 2_000
      }
      const [second] = await fetch(made, '?limit=1&lease=60')
      t.equal(second!.event.id, 'R-2')
      await receiver.operation('redriveDeliveries', { body: { box: 'inbox' } })
      t.strictSame(
        (await fetch(made)).map(({ event }) => event.id),
        ['R-1'],
      )
      await emptied()
      made.world.skew += 61_000
      await emptied()
    },
  )

  const arrivedIn = async (id: unknown): Promise<unknown> => {
    const shown = await sender.ask('GET', `/deliveries/v1/sent/${String(id)}`, AS_TAX)
    t.equal(shown.body['state'], 'abandoned')
    return receiptIn(shown.body['ended']).arrived
  }
  const kysely = (side: typeof sender): Rows => (side.database as unknown as { kysely: Rows }).kysely
  const positionOf = async (id: unknown): Promise<number> => {
    const row = await kysely(sender)
      .selectFrom('outbox')
      .select('position')
      .where('delivery', '=', id)
      .executeTakeFirstOrThrow()
    return Number(row['position'])
  }

  await t.test('no receipt says that a message has not arrived when it may have', async (t) => {
    const soon = (): string => new Date(made.world.clock() + 3_600_000).toISOString()
    const arm = (rooms: DeliveryRooms): DeliveryRooms => ({
      ...rooms,
      outbox: {
        ...rooms.outbox,
        endWith: () => Promise.reject(new Error('the process has ended')),
        giveBack: () => Promise.reject(new Error('the process has ended')),
      },
    })
    await sender.restart(arm)
    const crashed = (await hand(made, { expirytime: soon() })).body['id']
    await sender.run('send-deliveries').catch(() => undefined)
    await sender.restart()
    made.world.skew += 2 * 3_600_000
    await refreshed(made)
    await sender.run('keep-up-deliveries')
    t.equal(await arrivedIn(crashed), 'unknown', 'sent, then the process ended before it said so')
    await emptied()

    const reached = Promise.withResolvers<void>()
    const mayGoOn = Promise.withResolvers<void>()
    made.way = async (post) => {
      reached.resolve()
      await mayGoOn.promise
      return post()
    }
    const sending = (await hand(made, {})).body['id']
    const run = sender.run('send-deliveries')
    await reached.promise
    const discard = { body: { box: 'outbox', positions: [await positionOf(sending)], reason: 'wrong' } }
    t.strictSame(await sender.operation('discardDeliveries', discard), { discarded: 0 }, 'it is being sent')
    mayGoOn.resolve()
    await run
    t.equal(await stateOf(made, sending), 'delivered')
    made.way = (post) => post()
    await emptied()
  })

  await t.test('accepted by a process that stood still for minutes: it is delivered', async (t) => {
    const removed = (rooms: DeliveryRooms): DeliveryRooms => ({
      ...rooms,
      outbox: {
        ...rooms.outbox,
        add: async (row) => {
          const added = await rooms.outbox.add(row)
          // Another node has taken it for what a crash left.
          await rooms.outbox.remove('accepting', [added.row.position])
          return added
        },
      },
    })
    await sender.restart(removed)
    const handed = await hand(made, { id: 'P-1' })
    t.equal(handed.status, 202)
    await sender.restart()
    // The process that stood still may be sending it, too.
    await until('the message has arrived', async () => {
      await settle(made)
      return (await fetch(made)).some(({ event }) => event.id === 'P-1')
    })
    made.world.skew += 61_000
    await emptied()
  })

  await t.test(
    'many at once fail on a way: that is one failure, and not the same one tries next',
    async (t) => {
      let tried = 0
      const [failing, opened] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      made.way = async () => {
        tried += 1
        await failing.promise
        throw unreachable(60)
      }
      const first = await Promise.all(Array.from({ length: 4 }, () => hand(made, {})))
      const ids = [...first, await hand(made, {})].map(({ body }) => body['id'])
      await until('several are on the way', (saw) => saw(tried) > 1)
      const failed = tried
      // What is tried from now on waits, however long the rest of this test takes.
      made.way = async (post) => {
        await opened.promise
        return post()
      }
      failing.resolve()
      // Each of them says when the way opens again.
      await until('all have been given back', async (saw) => {
        const rows = kysely(sender).selectFrom('outbox').select('error').where('delivery', 'in', ids)
        return saw(await rows.where('error', '!=', '').execute()).length === failed
      })
      const way = await kysely(sender).selectFrom('delivery_route').selectAll().executeTakeFirstOrThrow()
      t.equal(Number(way['failures']), 1)
      made.world.skew += Date.parse(String(way['next_at'])) - made.world.clock()
      made.way = (post) => post()
      opened.resolve()
      await sender.run('send-deliveries')
      // What handing over began may still hold the way, so this call may have found nothing to do.
      const delivered = await until('one is delivered', async (saw) => {
        const rows = await kysely(sender)
          .selectFrom('outbox')
          .select('attempts')
          .where('state', '=', 'delivered')
          .where('delivery', 'in', ids)
          .orderBy('exchange_record')
          .execute()
        return saw(rows).length > 0 && rows
      })
      t.equal(Number(delivered[0]!['attempts']), 1, 'one that had not failed')
      await settle(made)
      await emptied()
      await settle(made)
    },
  )

  await t.test('a receipt that nobody would ask for is asked for again', async (t) => {
    const { id } = (await hand(made, {})).body
    await sender.run('send-deliveries')
    await emptied()
    await kysely(sender).updateTable('delivery_route').set({ receipts_at: '' }).execute()
    await sender.run('keep-up-deliveries')
    await sender.run('ask-delivery-receipts')
    t.equal(await stateOf(made, id), 'consumed')
  })

  await t.test(
    'an inbox whose database was lost gives no receipt a number that was read before',
    async (t) => {
      await kysely(receiver).deleteFrom('inbox_receipts').execute()
      await kysely(receiver).deleteFrom('inbox_receipt').execute()
      const handed = await Promise.all([hand(made, {}), hand(made, {})])
      await sender.run('send-deliveries')
      await emptied()
      await settle(made)
      for (const { body } of handed) t.equal(await stateOf(made, body['id']), 'consumed')
      const { last } = (await kysely(receiver)
        .selectFrom('inbox_receipts')
        .select('last')
        .executeTakeFirstOrThrow()) as { last: number }
      t.ok(Number(last) > Date.parse('2020-01-01'))
    },
  )

  await t.test('an inbox that says `more` for ever holds nobody up', async (t) => {
    let asked = 0
    await sender.restart((rooms) => ({
      ...rooms,
      door: {
        ...rooms.door,
        carry: async (q) => {
          const answer = await rooms.door.carry(q)
          if (q.method === 'POST') return answer
          asked += 1
          if (asked > 1_000) throw new Error('it asks for ever')
          const page = { documents: [], receipts: [], last: asked, more: true }
          const bytes = Buffer.from(JSON.stringify(page))
          return { ...answer, body: { ...answer.body, bytes, size: bytes.length } } as typeof answer
        },
      },
    }))
    await hand(made, {})
    await settle(made)
    t.ok(asked > 0 && asked < 1_000, `${asked} pages`)
    await sender.restart()
    await emptied()
  })

  await t.test('an inbox that takes minutes for its answers holds up no other', async (t) => {
    const mayGoOn = Promise.withResolvers<void>()
    const reached = Promise.withResolvers<void>()
    await sender.restart((rooms) => ({
      ...rooms,
      door: {
        ...rooms.door,
        carry: async (q) => {
          if (q.url.includes('/slow')) {
            reached.resolve()
            await mayGoOn.promise
          }
          return rooms.door.carry(q)
        },
      },
    }))
    const type = { 'content-type': 'application/cloudevents+json' }
    const slow = TO.replace('assessments', 'slow')
    t.equal((await sender.ask('POST', slow, { ...AS_TAX, ...type }, structured({}))).status, 202)
    const run = sender.run('send-deliveries')
    await reached.promise
    const { id } = (await hand(made, {})).body
    await until('the other message is delivered', async () => (await stateOf(made, id)) === 'delivered')
    mayGoOn.resolve()
    await run
    await emptied()
  })

  await t.test('an operator sees what a message waits for, why it failed, and its receipts', async (t) => {
    type View = { position: number; delivery: string; next: { step: string; at?: string } | null }
    type List = { items: View[]; inboxes: string[] }
    const inboxId = 'DEV:GOV:2000:population:assessments'
    const sent = async (delivery: unknown): Promise<View> => {
      const query = { box: 'outbox', delivery, limit: 10 }
      return ((await sender.operation('getDeliveries', { query })) as List).items[0]!
    }
    const one = (side: typeof sender, box: string, position: number): Promise<unknown> =>
      side.operation('getDelivery', { params: { box, position: String(position) } })
    // However long the looks at it take, it is not tried again meanwhile.
    made.way = () => Promise.reject(unreachable(60))
    const first = (await hand(made, { id: 'O-1', partitionkey: 'o' })).body['id']
    const behind = (await hand(made, { id: 'O-2', partitionkey: 'o' })).body['id']
    await sender.run('send-deliveries')
    t.match(await sent(first), {
      ...{ type: 'org.example.assessed', senderId: 'DEV:GOV:1000:tax', inboxId, state: 'waiting' },
      ...{ error: 'network_error', errorText: /\w+\. .+\.$/, next: { step: 'AT', at: /^2/ } },
    })
    t.match(await sent(behind), { attempts: 0, error: 'network_error', next: { step: 'BEHIND' } })
    made.way = (post) => post()
    await settle(made)
    await settle(made)
    const kept = (await receiver.operation('getDeliveries', {
      query: { box: 'inbox', delivery: first, limit: 10 },
    })) as List
    t.match(kept, { items: [{ delivery: first, next: { step: 'FETCHED' } }], inboxes: [inboxId] })
    for (const { id } of await fetch(made)) await acknowledge(made, id)
    await settle(made)
    const attempt = {
      ...({
        kind: 'outcome-unknown',
        direction: 'out',
        outcome: 'peer_timeout',
        message: undefined,
      } as const),
      ...{
        ids: { id: String(first), requestId: '' },
        client: TAX,
        service: parseServiceId('DEV/GOV/2000/population/assessments'),
        peer: made.world.provider.id,
      },
      ...{ body: undefined, signature: undefined, time: new Date(made.world.clock()) },
    }
    for (let nth = 0; nth < 101; nth++) await sender.log.append(attempt)
    const done = await sent(first)
    t.match(await one(sender, 'outbox', done.position), {
      ...{ state: 'consumed', error: null, errorText: null, next: null },
      receipts: [
        { kind: 'accepted', direction: 'out' },
        { kind: 'reply', outcome: 'ok' },
        { kind: 'consumed', direction: 'in', index: /^\d+$/ },
      ],
    })
    t.match(await one(receiver, 'inbox', kept.items[0]!.position), {
      receipts: [
        { kind: 'request', direction: 'in' },
        { kind: 'consumed', direction: 'out' },
      ],
    })
    await t.rejects(one(sender, 'outbox', 999_999), { code: 'not_found' })
    t.match(await sender.operation('getDeliveries', { query: { box: 'outbox', limit: 1 } }), {
      inboxes: [inboxId],
    })
  })
})
