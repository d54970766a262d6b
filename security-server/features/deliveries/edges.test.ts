/** What seldom happens to deliveries and has to be right then, on both stores. */
import { acknowledge, fetch, hand, onBoth, settle } from './acts-fixture.ts'

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
})
