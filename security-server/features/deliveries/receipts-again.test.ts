/**
 * Receipts that cannot be judged when they come are asked for again; wrong ones are not, and neither holds up
 * others.
 */
import { Fault, type FaultCode } from '#schemas/fault.ts'
import { acknowledge, fetch, hand, onBoth, refreshed, settle, stateOf } from './acts-fixture.ts'
import { createReceiptsAgain } from './receipts-again-store.ts'
import type { DeliveryRooms } from './rooms.ts'

const LONGEST_MS = 6 * 60_000

await onBoth('receipts', async (t, made) => {
  const { sender } = made
  /** Receipts about these events cannot be verified, for this reason. */
  let failing: { ids: unknown[]; code: FaultCode } = { ids: [], code: 'unknown_member' }
  let verified: unknown[] = []
  const arm = (rooms: DeliveryRooms): DeliveryRooms => ({
    ...rooms,
    verifyMessage: async (q) => {
      const { eventId } = JSON.parse(q.parts.message.toString()) as { eventId: string }
      verified.push(eventId)
      if (failing.ids.includes(eventId)) throw new Fault(failing.code)
      return rooms.verifyMessage(q)
    },
  })
  await sender.restart(arm)
  const consumed = async (ids: string[]): Promise<unknown[]> => {
    const handed = await Promise.all(ids.map((id) => hand(made, { id })))
    await sender.run('send-deliveries')
    for (const { id } of await fetch(made, '?limit=100')) await acknowledge(made, id)
    return handed.map(({ body }) => body['id'])
  }
  const ask = async (): Promise<void> => {
    made.world.skew += LONGEST_MS
    await refreshed(made)
    await sender.run('ask-delivery-receipts')
  }
  const states = (deliveries: unknown[]): Promise<unknown[]> =>
    Promise.all(deliveries.map((one) => stateOf(made, one)))

  await t.test('a passing reason: asked again until it can be judged, and others go on', async (t) => {
    failing = { ids: ['P-2', 'P-4'], code: 'unknown_member' }
    const deliveries = await consumed(['P-1', 'P-2', 'P-3', 'P-4'])
    await ask()
    t.strictSame(await states(deliveries), ['consumed', 'delivered', 'consumed', 'delivered'])
    const later = await consumed(['P-5'])
    await ask()
    t.strictSame(await states(later), ['consumed'])
    // A new process knows of it, too.
    await sender.restart(arm)
    failing.ids = ['P-4']
    await ask()
    t.strictSame(await states(deliveries), ['consumed', 'consumed', 'consumed', 'delivered'])
    failing.ids = []
    await ask()
    t.strictSame(await states(deliveries), ['consumed', 'consumed', 'consumed', 'consumed'])
    verified = []
    await settle(made)
    t.strictSame(verified, [], 'nothing is asked for again that was taken')
  })

  await t.test('a wrong one is left out for good', async (t) => {
    failing = { ids: ['W-1'], code: 'invalid_signature_value' }
    const deliveries = await consumed(['W-1', 'W-2'])
    await ask()
    t.strictSame(await states(deliveries), ['delivered', 'consumed'])
    failing.ids = []
    verified = []
    await ask()
    t.strictSame(verified, [])
  })

  await t.test('our own store is away: the whole page is asked for again', async (t) => {
    const away = (rooms: DeliveryRooms): DeliveryRooms => ({
      ...arm(rooms),
      outbox: { ...rooms.outbox, byDeliveries: () => Promise.reject(new Fault('database_error')) },
    })
    const deliveries = await consumed(['S-1', 'S-2'])
    await sender.restart(away)
    await ask()
    t.strictSame(await states(deliveries), ['delivered', 'delivered'])
    await sender.restart(arm)
    await ask()
    t.strictSame(await states(deliveries), ['consumed', 'consumed'])
  })

  await t.test('what is kept at once counts what others keep', async (t) => {
    const [way, most] = [987_654, 2]
    const stores = Array.from({ length: 6 }, () => createReceiptsAgain(sender.database))
    const kept = await Promise.all(
      stores.map((store, position) => store.add(way, [{ position, tries: 1, next_at: '' }], most)),
    )
    t.equal(kept.filter(Boolean).length, most)
    t.equal((await stores[0]!.due(way, new Date().toISOString(), 10)).length, most)
  })
})
