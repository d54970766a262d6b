/**
 * Receipts of a peer that cannot be true, and what becomes of messages whose receipts never come; on both
 * stores.
 */
import type { Kysely } from 'kysely'
import { parseClientId, parseServiceId, type SubsystemId } from '#schemas/identifiers.ts'
import { createMessageSigner } from '../../peer/sign-message.ts'
import { AS_TAX, acknowledge, fetch, hand, onBoth, refreshed, settle, stateOf } from './acts-fixture.ts'
import { unreachable } from './delivery-fixture.ts'
import { receiptsPage } from './receipts-page.ts'
import type { DeliveryRooms } from './rooms.ts'

const MINUTE_MS = 60_000
const REQUEST = {
  client: parseClientId('DEV/GOV/1000/tax') as SubsystemId,
  service: parseServiceId('DEV/GOV/2000/population/assessments'),
}

await onBoth('receipts of a peer', async (t, made) => {
  const { receiver, world } = made
  /** The inbox's server says this of the time and of itself, in all that it signs. */
  const saying =
    (q: { by?: number; server?: string }) =>
    (rooms: DeliveryRooms): DeliveryRooms => {
      const clock = () => world.clock() + (q.by ?? 0)
      const server = { ...rooms.server, ...(q.server !== undefined && { serverCode: q.server }) }
      return {
        ...rooms,
        clock,
        server,
        signMessage: createMessageSigner({ keys: world.provider.keys, clock }),
      }
    }
  const rowsOf = (side: typeof receiver) =>
    (side.database as unknown as { kysely: Kysely<Record<string, Record<string, unknown>>> }).kysely
  const askedNow = async (): Promise<void> => {
    const due = new Date(world.clock() - 1).toISOString()
    await rowsOf(made.sender).updateTable('delivery_route').set({ receipts_at: due }).execute()
    await made.sender.run('ask-delivery-receipts')
  }
  const consumedBy = async (q: { by?: number; server?: string }, id: string): Promise<unknown> => {
    const handed = (await hand(made, { id })).body['id']
    await made.sender.run('send-deliveries')
    await receiver.restart(saying(q))
    const [event] = await fetch(made, '?limit=1')
    await acknowledge(made, event!.id)
    await receiver.restart()
    await askedNow()
    return stateOf(made, handed)
  }
  await t.test('of the future, or older than the message: not accepted', async (t) => {
    world.skew += 20 * MINUTE_MS
    await world.consumer.keys.refreshOcsp()
    t.equal(await consumedBy({ by: -10 * MINUTE_MS }, 'old'), 'delivered')
    await refreshed(made)
    t.equal(await consumedBy({ by: 8 * MINUTE_MS }, 'future'), 'delivered')
    t.equal(await consumedBy({ by: 2 * MINUTE_MS }, 'a clock that is two minutes ahead'), 'consumed')
  })

  await t.test('of a server where the inbox is not', async (t) => {
    const id = (await hand(made, { id: 'elsewhere' })).body['id']
    await settle(made)
    await receiver.restart(saying({ server: 'another' }))
    const [event] = await fetch(made, '?limit=1')
    await acknowledge(made, event!.id)
    await receiver.restart()
    await askedNow()
    t.equal(await stateOf(made, id), 'delivered')
  })

  await t.test('what can be true is taken', async (t) => {
    const id = (await hand(made, { id: 'true' })).body['id']
    await settle(made)
    const [event] = await fetch(made, '?limit=1')
    await acknowledge(made, event!.id)
    await askedNow()
    t.equal(await stateOf(made, id), 'consumed')
  })

  await t.test('of a machine that slept before it signed: it says another time', async (t) => {
    const id = (await hand(made, { id: 'slept' })).body['id']
    await settle(made)
    let signed = 0
    await receiver.restart((rooms) => ({
      ...rooms,
      signMessage: async (member, message) => {
        if (++signed === 1) {
          world.skew += 6 * MINUTE_MS
          await refreshed(made)
        }
        return rooms.signMessage(member, message)
      },
    }))
    const [event] = await fetch(made, '?limit=1')
    await acknowledge(made, event!.id)
    await receiver.restart()
    await askedNow()
    t.equal(await stateOf(made, id), 'consumed')
    t.equal(signed, 2)
  })

  const DAY_MS = 24 * 60 * MINUTE_MS
  const errorOf = async (id: unknown): Promise<unknown> => {
    const { body } = await made.sender.ask('GET', `/deliveries/v1/sent/${String(id)}`, AS_TAX)
    return [body['state'], body['error'], body['ended'] === null]
  }
  const later = async (days: number): Promise<void> => {
    world.skew += days * DAY_MS
    world.reconfigure()
    await refreshed(made)
  }

  await t.test('what waits there for weeks stays delivered, and ends by its receipt', async (t) => {
    const id = (await hand(made, { id: 'slow' })).body['id']
    await settle(made)
    for (let week = 0; week < 3; week++) {
      await later(7)
      await made.sender.run('ask-delivery-states')
      t.equal(await stateOf(made, id), 'delivered')
    }
    for (const event of await fetch(made, '?limit=100')) await acknowledge(made, event.id)
    // The page of receipts after a position is lost; the message itself is asked for.
    await rowsOf(receiver).deleteFrom('inbox_receipt').execute()
    await later(11)
    await made.sender.run('ask-delivery-states')
    t.equal(await stateOf(made, id), 'consumed')
  })

  await t.test(
    'an inbox that knows nothing of it says so signed: nobody says that it was consumed, or not',
    async (t) => {
      const id = (await hand(made, { id: 'forgotten' })).body['id']
      await settle(made)
      t.equal(await stateOf(made, id), 'delivered')
      await rowsOf(receiver).deleteFrom('inbox').execute()
      await made.sender.run('ask-delivery-states')
      t.equal(await stateOf(made, id), 'delivered', 'not yet asked')
      await later(2)
      await made.sender.run('ask-delivery-states')
      t.strictSame(await errorOf(id), ['unconfirmed', 'receipt_unknown', true])
      const { items } = (await made.sender.operation('getDeliveries', {
        query: { box: 'outbox', state: 'unconfirmed', limit: 10 },
      })) as { items: { endRecord: number }[] }
      const evidence = await made.sender.log.read(items[0]!.endRecord)
      t.ok(evidence.signatures, 'the signed reply is in our log')
      await later(31)
      await made.sender.run('keep-up-deliveries')
      t.match(await made.sender.ask('GET', `/deliveries/v1/sent/${String(id)}`, AS_TAX), { status: 404 })
    },
  )

  await t.test('an inbox that never answers: unconfirmed after months; a receipt still counts', async (t) => {
    const id = (await hand(made, { id: 'silent' })).body['id']
    await settle(made)
    made.way = () => Promise.reject(unreachable())
    for (const days of [30, 30, 29]) {
      await later(days)
      await made.sender.run('ask-delivery-states')
      t.equal(await stateOf(made, id), 'delivered')
    }
    await later(11)
    await made.sender.run('ask-delivery-states')
    t.strictSame(await errorOf(id), ['unconfirmed', 'receipt_overdue', true])
    made.way = (post) => post()
    const [event] = await fetch(made)
    await acknowledge(made, event!.id)
    await hand(made, { id: 'another' })
    await settle(made)
    t.equal(await stateOf(made, id), 'consumed')
  })

  await t.test('of messages of others nothing is said', async (t) => {
    const asked = (query: string) => receiptsPage({ request: { ...REQUEST, query } } as never, inboxRooms)
    let inboxRooms!: DeliveryRooms
    await receiver.restart((rooms) => {
      inboxRooms = rooms
      return rooms
    })
    const id = String((await hand(made, { id: 'mine' })).body['id'])
    await made.sender.run('send-deliveries')
    t.match((await asked(`of=${id}`)).states, { [id]: 'waiting' })
    const others = { ...REQUEST, client: { ...REQUEST.client, subsystemCode: 'other' }, query: `of=${id}` }
    t.match((await receiptsPage({ request: others } as never, inboxRooms)).states, { [id]: 'unknown' })
    await t.rejects(asked(Array.from({ length: 51 }, (_, i) => `of=${i}`).join('&')), {
      code: 'invalid_request',
    })
    await t.rejects(asked(`of=${'x'.repeat(256)}`), { code: 'invalid_request' })
  })
})
