/** Receipts of a peer that cannot be true, and what becomes of messages whose receipts never come; on both stores. */
import type { Kysely } from 'kysely'
import { createMessageSigner } from '../../peer/sign-message.ts'
import { acknowledge, fetch, hand, onBoth, refreshed, settle, stateOf } from './acts-fixture.ts'
import type { DeliveryRooms } from './rooms.ts'

const MINUTE_MS = 60_000

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
  const askedNow = async (): Promise<void> => {
    const { kysely } = made.sender.database as unknown as {
      kysely: Kysely<Record<string, Record<string, unknown>>>
    }
    const due = new Date(world.clock() - 1).toISOString()
    await kysely.updateTable('delivery_route').set({ receipts_at: due }).execute()
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
})
