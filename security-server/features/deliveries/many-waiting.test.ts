/**
 * A receiver that is away for a week while many messages wait: they cost no attempts, then come in order, few
 * at once.
 */
import { until } from '#test/until.ts'
import {
  AS_POPULATION,
  AT,
  acknowledge,
  DAY_MS,
  type Fetched,
  hand,
  onBoth,
  refreshed,
} from './acts-fixture.ts'
import { unreachable } from './delivery-fixture.ts'

const LANES = 40
const IN_EACH = 10
const ALL = LANES * IN_EACH
const PAGE = 100

await onBoth('many wait', async (t, made) => {
  const { sender, receiver } = made
  let [tried, underWay, mostUnderWay] = [0, 0, 0]
  made.way = () => {
    tried += 1
    // However long the rest of a look takes, it does not try again.
    return Promise.reject(unreachable(60))
  }
  // The last call of many that come at once is later than what made it: no look but those of this test begins
  // in the middle of a day.
  await sender.restart((rooms) => ({ ...rooms, jobs: { ...rooms.jobs, call: () => undefined } }))
  const lane = async (nth: number): Promise<void> => {
    for (let i = 0; i < IN_EACH; i++) await hand(made, { partitionkey: `lane ${nth}`, data: i })
  }
  await Promise.all(Array.from({ length: LANES }, (_none, nth) => lane(nth)))
  const waiting = async (): Promise<number> => {
    const query = { box: 'outbox', limit: 1 }
    const found = (await sender.operation('getDeliveries', { query })) as { counts: Record<string, number> }
    return found.counts['waiting']!
  }
  t.equal(await waiting(), ALL)
  // As many as may try at once find out that the way is closed.
  await sender.run('send-deliveries')

  await t.test('each look of the week tries one message', async (t) => {
    for (let day = 1; day <= 7; day++) {
      tried = 0
      made.world.skew += DAY_MS
      made.world.reconfigure()
      await refreshed(made)
      await sender.run('send-deliveries')
      t.equal(tried, 1)
      await sender.run('keep-up-deliveries')
    }
    t.equal(await waiting(), ALL)
  })

  await t.test('open again: all come, each lane in its order, and no more at once than is set', async (t) => {
    made.world.skew += DAY_MS
    await refreshed(made)
    made.way = async (post) => {
      underWay += 1
      mostUnderWay = Math.max(mostUnderWay, underWay)
      try {
        return await post()
      } finally {
        underWay -= 1
      }
    }
    // A look that sends hundreds of messages takes a busy machine its time.
    await until(
      'all have arrived',
      async (saw) => {
        await sender.run('send-deliveries')
        return saw(await waiting()) === 0
      },
      { deadlineMs: 240_000 },
    )
    t.ok(mostUnderWay > 1 && mostUnderWay <= made.settings.sendersAtOnce, `${mostUnderWay} at once`)
    const came = new Map<unknown, unknown[]>()
    for (let found: Fetched[] = []; ; ) {
      found = (await receiver.ask('GET', `${AT}?limit=${PAGE}`, AS_POPULATION)).body['events'] as Fetched[]
      if (found.length === 0) break
      for (const { event } of found)
        came.set(event.partitionkey, [...(came.get(event.partitionkey) ?? []), event.data])
      await Promise.all(found.map(({ id }) => acknowledge(made, id)))
    }
    t.equal(came.size, LANES)
    const inOrder = Array.from({ length: IN_EACH }, (_none, i) => i)
    for (const data of came.values()) t.strictSame(data, inOrder)
  })

  await t.test('the receipts of all come in few exchanges', async (t) => {
    let asked = 0
    made.way = (post) => {
      asked += 1
      return post()
    }
    made.world.skew += 10_000
    await sender.run('ask-delivery-receipts')
    const query = { box: 'outbox', limit: 1 }
    const { counts } = (await sender.operation('getDeliveries', { query })) as { counts: object }
    t.match(counts, { waiting: 0, delivered: 0, consumed: ALL, dead: 0 })
    // One more finds that no others have come.
    t.ok(asked <= Math.ceil(ALL / PAGE) + 1, `${asked} exchanges`)
  })
})
