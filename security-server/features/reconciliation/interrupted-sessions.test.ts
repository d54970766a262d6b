/**
 * Sessions that are interrupted anywhere, on either side, or that both sides start at once; and the job that
 * starts them.
 */
import path from 'node:path'
import t from 'tap'
import { createLog } from '#platform/logging/create-log.ts'
import { breakCalls, noStrace } from '#test/strace.ts'
import { reconcile } from './initiate.ts'
import { createTwoServers, type Side } from './reconciliation-fixture.ts'
import type { ReconciliationRooms } from './rooms.ts'
import { run } from './run.ts'

const two = await createTwoServers(t, 'sqlite')
const { tax, population, world } = two
const log = createLog({ name: 'test', level: 'silent' })

async function settledDay(exchanges = 1): Promise<string> {
  const day = await two.nextDay()
  for (let i = 0; i < exchanges; i++) t.equal((await two.ask({ path: `/${i}` })).failed, undefined)
  await two.settle(day)
  return day
}

/** Stops the asking side at its n-th question: before it is sent, or after its answer is lost. */
function breaking(
  side: Side,
  at: number,
  when: 'before' | 'after',
): { rooms: ReconciliationRooms; broke: () => boolean } {
  let count = 0
  let broke = false
  const post: ReconciliationRooms['peerClient']['post'] = async (request) => {
    const isIt = ++count === at
    if (isIt) broke = true
    if (isIt && when === 'before') throw new Error('killed')
    const reply = await side.client.post(request)
    if (!isIt) return reply
    reply.content.destroy()
    throw new Error('killed')
  }
  return { rooms: { ...side.rooms, peerClient: { post } }, broke: () => broke }
}

void t.test('a day that the job plans while the other side begins is taken by no session', async (t) => {
  const { store } = tax.rooms
  const pair = { day: '2001-01-01', own: 'DEV/GOV/1', peer: 'DEV/GOV/2', server: 'DEV/GOV/2/SS' }
  const now = '2001-01-03T00:30:00.000Z'
  await store.plan(pair.day, [{ ...pair, secrecy: 0 }], now)
  const begun = { seen: undefined, role: 'asked', progress: {}, now, secrecy: 0 } as const
  await store.begin(pair, { ...begun, session: 'one' })
  t.match(await store.find(pair), { state: 'under_way', session: 'one', attempts: 1 })
  await t.rejects(store.begin(pair, { ...begun, session: 'two' }), { code: 'conflict' })
})

t.test('a session that ends anywhere is begun anew, and a signed statement is never lost', async (t) => {
  const when = ['before', 'after'] as const
  let at = 1
  for (let isDone = false; !isDone; at++) {
    for (const moment of when) {
      const day = await two.nextDay()
      await two.ask()
      two.isAllowed = false
      await two.ask()
      two.isAllowed = true
      await two.settle(day)
      const pair = two.pairOf(tax, day)
      const { rooms, broke } = breaking(tax, at, moment)
      const first = await reconcile(pair, rooms)
      isDone = !broke()
      t.equal(first, isDone ? 'concluded' : 'unanswered', `question ${at}, ${moment}`)
      // The other side restarts too; it continues from its rows.
      population.restart()
      world.skew += 120_000
      t.equal(await reconcile(pair, tax.rooms), 'concluded', `after ${moment} question ${at}`)
      const [ours, theirs] = await Promise.all([
        tax.rooms.store.find(pair),
        population.rooms.store.find(two.pairOf(population, day)),
      ])
      t.ok(ours?.statement)
      t.equal(ours?.statement, theirs?.statement)
      t.equal(await tax.rooms.entries.count(ours!.session, 'own'), 0, 'what was compared is forgotten')
    }
  }
  t.ok(at > 5, `${at} questions`)
})

t.test('a disk that is full on either side ends a session, and no day', { skip: noStrace() }, async (t) => {
  const counts: unknown[] = []
  for (const side of [tax, population])
    for (const when of ['1+', '5+']) {
      const what = `${side.server.id.serverCode}, from write ${when}`
      const day = await two.nextDay()
      await two.ask()
      two.isAllowed = false
      await two.ask()
      two.isAllowed = true
      await two.settle(day)
      const pair = two.pairOf(tax, day)
      const wal = path.join(path.dirname(side.folder), `${side.server.id.serverCode}.db-wal`)
      const broken = { calls: ['pwrite64'], fault: 'error=ENOSPC', when, paths: [wal] }
      const disk = await breakCalls({ pid: process.pid, ...broken })
      const first = await reconcile(pair, tax.rooms).catch(() => 'not even said')
      t.ok((await disk.mend()) > 0, `${what}: ${first}`)
      t.not(first, 'concluded', 'nothing is concluded that could not be kept')
      for (const [of, its] of [
        [tax, pair],
        [population, two.pairOf(population, day)],
      ] as const) {
        const row = await of.rooms.store.find(its)
        t.ok(row?.state !== 'concluded' || row.statement, `${what}: ${row?.state}`)
      }
      population.restart()
      world.skew += 120_000
      t.equal(await reconcile(pair, tax.rooms), 'concluded', `${what}: it goes on when there is room`)
      const rows = await Promise.all([
        tax.rooms.store.find(pair),
        population.rooms.store.find(two.pairOf(population, day)),
      ])
      t.ok(rows[0]?.statement)
      t.equal(rows[0]?.statement, rows[1]?.statement)
      t.equal(await tax.rooms.entries.count(rows[0]!.session, 'own'), 0)
      counts.push(rows[0]!.counts)
    }
  t.equal(new Set(counts.map((one) => JSON.stringify(one))).size, 1, `no false alarm: ${counts[0]}`)
})

t.test('both begin at once, and the job', async (t) => {
  const day = await settledDay(3)
  const begun = await Promise.all(
    [tax, population].map((side) => reconcile(two.pairOf(side, day), side.rooms)),
  )
  t.ok(begun.includes('concluded'), begun.join())
  const rows = await Promise.all(
    [tax, population].map((side) => side.rooms.store.find(two.pairOf(side, day))),
  )
  t.strictSame(
    rows.map((row) => row?.state),
    ['concluded', 'concluded'],
  )
  t.equal(rows[0]?.statement, rows[1]?.statement)

  const other = await settledDay(2)
  const stateOf = async (side: Side) => (await side.rooms.store.find(two.pairOf(side, other)))?.state
  await run(tax.rooms, log)
  t.equal(await stateOf(tax), 'due', 'clocks differ: the day has to have settled for both')
  world.skew += 20 * 60_000
  await run(population.rooms, log)
  t.equal(await stateOf(population), 'due', 'the one with the greater identifier waits')
  await run(tax.rooms, log)
  t.equal(await stateOf(tax), 'concluded')
  t.equal(await stateOf(population), 'concluded')
  const third = await settledDay(1)
  world.skew += 2 * 3_600_000
  for (const keys of [world.consumer.keys, world.provider.keys]) await keys.refreshOcsp({ force: true })
  await run(population.rooms, log)
  t.match(await population.rooms.store.find(two.pairOf(population, third)), {
    state: 'concluded',
    role: 'asking',
  })
  const days = await tax.rooms.store.list({ clearance: 0, limit: 100, member: 'DEV/GOV/2000', day: third })
  t.match(days, [{ state: 'concluded', role: 'asked', counts: /"matched":1/ }])
})
