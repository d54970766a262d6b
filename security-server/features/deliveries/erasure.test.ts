/** An order to erase an exchange that carried an event, while the event is still in a box. */
import { tablesOf } from '#platform/database/open-database.ts'
import { acknowledge, fetch, hand, onBoth, refreshed, settle } from './acts-fixture.ts'
import { unreachable } from './delivery-fixture.ts'
import { createErasedRequests, markedAmong } from './erased-requests-store.ts'
import type { Tables } from './tables.ts'

const ORDER = { mode: 'LEAF_ONLY', case: '7/2026', reason: 'a court says so' } as const

await onBoth('orders to erase', async (t, made) => {
  const { sender, receiver } = made
  type Side = typeof sender
  const indexOf = async ({ log }: Side, id: unknown, of: string): Promise<number> =>
    Number((await log.list({ queryId: String(id), limit: 10 })).find(({ kind }) => kind === of)!.idx)
  const positionOf = async ({ operation }: Side, box: string, delivery: unknown): Promise<number> =>
    ((await operation('getDeliveries', { query: { box, delivery, limit: 1 } })) as Listed).items[0]!.position
  type Listed = { items: { position: number }[] }

  await t.test('it is refused while an inbox has the event, and says where', async (t) => {
    const { id } = (await hand(made, { data: 'a diagnosis' })).body
    await settle(made)
    const [request, reply] = [await indexOf(receiver, id, 'request'), await indexOf(receiver, id, 'reply')]
    const position = await positionOf(receiver, 'inbox', id)
    for (const index of [request, reply])
      await t.rejects(receiver.log.retention.erase({ index, ...ORDER }), {
        code: 'conflict',
        message: new RegExp(`in the inbox at ${position}: .*discard`),
      })
    t.ok((await receiver.log.read(request)).message, 'nothing was erased')
    await t.resolves(
      sender.log.retention.erase({ index: await indexOf(sender, id, 'request'), ...ORDER }),
      'the sender has it no more',
    )
    const [given] = await fetch(made)
    t.equal(given!.event.data, 'a diagnosis')
    await acknowledge(made, given!.id)
    const { erased } = await receiver.log.retention.erase({ index: request, ...ORDER })
    t.ok(erased.length >= 3, 'request, reply and receipt')
  })

  await t.test('what is discarded is not given out, and can be erased', async (t) => {
    const { id } = (await hand(made, { data: 'discarded' })).body
    await settle(made)
    const positions = [await positionOf(receiver, 'inbox', id)]
    t.strictSame(
      await receiver.operation('discardDeliveries', { body: { box: 'inbox', positions, reason: 'a court' } }),
      { discarded: 1 },
    )
    await receiver.log.retention.erase({ index: await indexOf(receiver, id, 'request'), ...ORDER })
    t.strictSame(await fetch(made), [])
  })

  await t.test(
    'dead letters: refused while they are there, and not redriven after such an order',
    async (t) => {
      const body = { box: 'outbox' }
      made.way = () => Promise.reject(unreachable())
      const { id } = (await hand(made, { data: 'never sent' })).body
      await settle(made)
      const position = await positionOf(sender, 'outbox', id)
      await tablesOf<Tables>(sender.database)
        .updateTable('outbox')
        .set({ state: 'dead' })
        .where('position', '=', position)
        .execute()
      const accepted = await indexOf(sender, id, 'accepted')
      await t.rejects(sender.log.retention.erase({ index: accepted, ...ORDER }), {
        code: 'conflict',
        message: new RegExp(`in the outbox at ${position}`),
      })
      // As by a version that did not look.
      await sender.log.parts.eraseExchange({ order: { index: accepted, ...ORDER }, now: made.world.clock() })
      for (const positions of [[position], undefined])
        await t.rejects(sender.operation('redriveDeliveries', { body: { ...body, positions } }), {
          code: 'conflict',
          message: new RegExp(`at ${position} was erased by order`),
        })
      const discard = { body: { ...body, positions: [position], reason: 'erased' } }
      t.strictSame(await sender.operation('discardDeliveries', discard), { discarded: 1 })
      t.strictSame(await sender.operation('redriveDeliveries', { body }), { redriven: 0 })
    },
  )

  await t.test('an order between the record of a request and the row of its event', async (t) => {
    const reached = Promise.withResolvers<void>()
    const mayGoOn = Promise.withResolvers<void>()
    let adds = 0
    // The way is open again.
    made.way = (post) => post()
    made.world.skew += 10 * 60_000
    await refreshed(made)
    await receiver.restart((rooms) => ({
      ...rooms,
      inbox: {
        ...rooms.inbox,
        add: async (row) => {
          if (adds++ === 0) {
            reached.resolve()
            await mayGoOn.promise
          }
          return rooms.inbox.add(row)
        },
      },
    }))
    const { id } = (await hand(made, { data: 'in between' })).body
    const sending = sender.run('send-deliveries')
    await reached.promise
    const request = await indexOf(receiver, id, 'request')
    await receiver.log.retention.erase({ index: request, ...ORDER })
    mayGoOn.resolve()
    await sending
    t.strictSame(await fetch(made), [], 'it is not given out')
    t.strictSame(await receiver.log.read(request).then(({ message }) => message), undefined)
    const { items } = (await sender.operation('getDeliveries', {
      query: { box: 'outbox', delivery: id, limit: 1 },
    })) as { items: { state: string; error: string }[] }
    t.match(items[0], { state: 'dead', error: 'delivery_discarded' }, 'and nobody sends it again unasked')
    await settle(made)
    await receiver.restart()
  })

  await t.test('an order that is not carried out leaves no mark', async (t) => {
    const { retention } = receiver.log
    retention.beforeOrders(async () => Promise.reject(new Error('another part refuses')))
    const marks = () => tablesOf<Tables>(receiver.database).selectFrom('inbox_erased').selectAll().execute()
    const before = await marks()
    const { id } = (await hand(made, { data: 'refused' })).body
    await settle(made)
    const [given] = await fetch(made)
    await acknowledge(made, given!.id)
    const index = await indexOf(receiver, id, 'request')
    await t.rejects(retention.erase({ index, ...ORDER }), { message: /another part refuses/ })
    t.strictSame(await marks(), before)
  })

  await t.test('of two orders at once the refused one leaves the mark of the other', async (t) => {
    const erased = createErasedRequests(receiver.database)
    const q = { record: 1_000_000, delivery: 'none', client: 'c', service: 's', at: '2026-12-01' }
    const marks = [await erased.mark(q), await erased.mark(q)] as { unmark(): Promise<void> }[]
    const left = () =>
      tablesOf<Tables>(receiver.database)
        .transaction()
        .execute((transaction) => markedAmong(transaction, [q.record]))
    await marks[0]!.unmark()
    t.strictSame(await left(), new Set([q.record]))
    await marks[1]!.unmark()
    t.strictSame(await left(), new Set())
  })
})
