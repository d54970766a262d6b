/** A process that ends between any two steps of a delivery: nothing is lost, and the inbox has it once. */
import { acknowledge, fetch, hand, onBoth, refreshed, settle, stateOf, structured } from './acts-fixture.ts'
import type { DeliveryRooms } from './rooms.ts'

await onBoth('crashes', async (t, made) => {
  const { sender, receiver } = made
  await t.test('a crash between any two steps loses nothing and doubles nothing in the inbox', async (t) => {
    const crash = (): Promise<never> => Promise.reject(new Error('the process has ended'))
    const after =
      <A extends unknown[]>(act: (...given: A) => Promise<unknown>) =>
      async (...given: A): Promise<never> => {
        await act(...given)
        return crash()
      }
    const points: Record<string, (rooms: DeliveryRooms) => DeliveryRooms> = {
      'before the row': (rooms) => ({ ...rooms, outbox: { ...rooms.outbox, add: crash } }),
      'after the row': (rooms) => ({ ...rooms, outbox: { ...rooms.outbox, add: after(rooms.outbox.add) } }),
      'after the receipt': (rooms) => ({
        ...rooms,
        messageLog: { ...rooms.messageLog, append: after(rooms.messageLog.append) },
      }),
      'after it waits': (rooms) => ({
        ...rooms,
        outbox: { ...rooms.outbox, confirm: after(rooms.outbox.confirm) },
      }),
      'after the exchange': (rooms) => ({
        ...rooms,
        door: { ...rooms.door, carry: after(rooms.door.carry) },
      }),
      'after the delivery': (rooms) => ({
        ...rooms,
        outbox: { ...rooms.outbox, endWith: after(rooms.outbox.endWith) },
      }),
    }
    for (const [name, arm] of Object.entries(points)) {
      const text = structured({ data: name })
      await sender.restart(arm as never)
      await hand(made, text)
      await sender.run('send-deliveries').catch(() => undefined)
      await sender.restart()
      // The system had no answer, or it hands the same event over again.
      const { status, body } = await hand(made, text)
      t.equal(status, 202, name)
      made.world.skew += 11 * 60_000
      await refreshed(made)
      await settle(made)
      await settle(made)
      const found = (await fetch(made)).filter(({ event }) => event.data === name)
      t.equal(found.length, 1, name)
      t.equal(found[0]!.delivery, body['id'])
      await acknowledge(made, found[0]!.id)
      await settle(made)
      t.equal(await stateOf(made, body['id']), 'consumed', name)
    }
    await t.test(
      'handed over and never again: upkeep delivers what has a receipt, and removes what has none',
      async (t) => {
        await sender.restart(points['after the row'] as never)
        await hand(made, structured({ data: 'no receipt' }))
        await sender.restart(points['after the receipt'] as never)
        await hand(made, structured({ data: 'with receipt' }))
        await sender.restart()
        made.world.skew += 2 * 60_000
        await sender.run('keep-up-deliveries')
        await settle(made)
        const events = await fetch(made)
        t.strictSame(
          events.map(({ event }) => event.data),
          ['with receipt'],
        )
        await acknowledge(made, events[0]!.id)
      },
    )
    await t.test('the receiving side', async (t) => {
      const steps: Record<string, (rooms: DeliveryRooms) => DeliveryRooms> = {
        'after it is kept': (rooms) => ({ ...rooms, inbox: { ...rooms.inbox, add: after(rooms.inbox.add) } }),
        'before it is kept': (rooms) => ({ ...rooms, inbox: { ...rooms.inbox, add: crash } }),
      }
      for (const [name, arm] of Object.entries(steps)) {
        await receiver.restart(arm as never)
        const { id } = (await hand(made, { data: name })).body
        await sender.run('send-deliveries')
        await receiver.restart()
        made.world.skew += 11 * 60_000
        await refreshed(made)
        await settle(made)
        const events = await fetch(made)
        t.equal(events.length, 1, name)
        t.equal(events[0]!.delivery, id)
        await receiver.restart(((rooms: DeliveryRooms) => ({
          ...rooms,
          messageLog: { ...rooms.messageLog, append: after(rooms.messageLog.append) },
        })) as never)
        t.equal((await acknowledge(made, events[0]!.id)).status, 500, 'acknowledged, and crashed')
        await receiver.restart()
        t.equal((await acknowledge(made, events[0]!.id)).status, 200)
        await settle(made)
        t.equal(await stateOf(made, id), 'consumed')
      }
    })
  })
})
