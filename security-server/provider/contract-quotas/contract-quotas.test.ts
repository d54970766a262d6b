/**
 * Contracts' quotas: never more calls than agreed, on both stores, over nodes, restarts, days, clocks and
 * versions.
 */
import t, { type Test } from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { type Database, openDatabase, tablesOf } from '#platform/database/open-database.ts'
import type { Fault } from '#schemas/fault.ts'
import { eachDatabase } from '#test/databases.ts'
import { hasPostgresql, startPostgresql } from '#test/postgresql.ts'
import { until } from '#test/until.ts'
import type { ContractQuota } from '../../global-configuration/contracts/index-contracts.ts'
import { type ContractQuotas, createContractQuotas } from './contract-quotas.ts'
import { fullBucket, grant } from './grant.ts'
import { contractQuotaMigrations } from './migrations.ts'
import { createQuotaStore } from './store.ts'

const NOON = Date.parse('2026-06-01T12:00:00.000Z')
const DAY = 86_400_000
const ID = 'c0ffee00-0000-4000-8000-000000000001'

/** A clock that the test moves, and the quotas of versions. */
const world = { now: NOON, quotas: new Map<string, ContractQuota>() }

type Node = ContractQuotas & { leases: number }

function node(t: Test, database: Database, clock = () => world.now): Node {
  const store = createQuotaStore(database)
  const quotaOf = (version: string) => world.quotas.get(version)
  let leases = 0
  const made = createContractQuotas({ store, clock, quotaOf, onLease: () => leases++ })
  t.teardown(() => made.close())
  return Object.defineProperty(made as Node, 'leases', { get: () => leases })
}

/** So many calls at the same moment: how many passed, and why others did not. */
async function storm(nodes: Node[], calls: number, version = `${ID}/1`) {
  const outcomes = await Promise.allSettled(
    Array.from({ length: calls }, (_, i) => nodes[i % nodes.length]!.take(version)),
  )
  const faults = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason as Fault] : []))
  return { passed: calls - faults.length, faults }
}

await eachDatabase(t, async (database, t, url) => {
  await migrate(database, contractQuotaMigrations)
  const isShared = url.startsWith('postgres')
  const days = () =>
    tablesOf<{ contract_quota_day: { contract: string; day: string; used: number } }>(database)
      .selectFrom('contract_quota_day')
      .selectAll()
      .orderBy('day')
      .execute()
  t.beforeEach(async () => {
    world.now = NOON
    world.quotas.clear()
    const tables = tablesOf<{ contract_quota: object; contract_quota_day: object }>(database)
    await tables.deleteFrom('contract_quota').execute()
    await tables.deleteFrom('contract_quota_day').execute()
  })

  await t.test('of 1,000 at once exactly the allowed number passes', async (t) => {
    world.quotas.set(`${ID}/1`, { perDay: 700 })
    const one = node(t, database)
    const { passed, faults } = await storm([one], 1000)
    t.equal(passed, 700)
    t.equal(faults.length, 300)
    t.match(faults[0], {
      code: 'contract_quota_used_up',
      what: `${ID}/1: 700 calls a day (UTC), again at 2026-06-02T00:00:00.000Z`,
      retryAfter: DAY / 2 / 1000,
    })
    t.ok(one.leases <= 5, `${one.leases} questions to the database`)
    t.equal((await storm([one], 50)).passed, 0)
    await one.close()
    t.match(await one.useToday(ID), { day: '2026-06-01', used: 700, refused: 350 })
    t.match(await node(t, database).take(`${ID}/9`), Function, 'a version without quota is not counted')
    t.match(await days(), { length: 1 })
  })

  await t.test('two nodes share one quota', async (t) => {
    if (!isShared) return t.pass('the embedded store has one node')
    const other = await openDatabase(url)
    t.teardown(() => other.close())
    const nodes = [node(t, database), node(t, other)]
    world.quotas.set(`${ID}/1`, { perDay: 700 })
    world.quotas.set(`other/1`, { perSecond: 100, burst: 60 })
    const [first, second] = await Promise.all([storm(nodes, 1000), storm(nodes, 200, 'other/1')])
    t.ok(first.passed <= 700, `${first.passed} of 700`)
    t.ok(second.passed <= 60, `${second.passed} of 60`)
    await Promise.all(nodes.map((one) => one.close()))
    t.equal((await nodes[0]!.useToday(ID)).used, first.passed, 'what was leased and not used is given back')
    world.now += 1000
    const rest = await storm(nodes, 1000)
    t.equal(first.passed + rest.passed, 700, 'and others may use it')
  })

  await t.test(
    'a node leases for calls to come; what it does not use goes back, a crash loses it',
    async (t) => {
      world.quotas.set(`${ID}/1`, { perDay: 1000 })
      const one = node(t, database)
      for (let i = 0; i < 50; i++) {
        await one.take(`${ID}/1`)
        world.now += 20
      }
      const { leases } = one
      t.ok(
        leases < 35,
        `${leases} questions for 50 calls one after the other, the first 25 of an unknown pace`,
      )
      for (let i = 0; i < 200; i++) {
        await one.take(`${ID}/1`)
        world.now += 20
      }
      t.ok(one.leases - leases < 40, `${one.leases - leases} questions for 200 more`)
      // To a call that makes a new lease: by the test's clock it cannot run out before that is moved on.
      let calls = 250
      for (let before = one.leases; one.leases === before; calls++) await one.take(`${ID}/1`)
      const { used } = await one.useToday(ID)
      t.ok(used > calls, `${used} leased for ${calls} calls`)
      const restarted = node(t, database)
      t.equal(
        (await storm([restarted], 1000)).passed,
        1000 - used,
        'another node, or the next start, gets none of it',
      )
      world.now += 1000
      await until(
        'the lease is given back by itself',
        async (saw) => saw((await one.useToday(ID)).used) === 1000 - (used - calls),
      )
    },
  )

  await t.test('a call that was not made after all is taken back', async (t) => {
    world.quotas.set(`${ID}/1`, { perDay: 1 })
    const one = node(t, database)
    const takeBack = await one.take(`${ID}/1`)
    await t.rejects(one.take(`${ID}/1`), { code: 'contract_quota_used_up' })
    takeBack()
    const ofThisDay = await one.take(`${ID}/1`)
    await t.rejects(one.take(`${ID}/1`), { code: 'contract_quota_used_up' })
    world.now += DAY
    await one.take(`${ID}/1`)
    ofThisDay()
    await t.rejects(one.take(`${ID}/1`), { code: 'contract_quota_used_up' }, 'from the day that it was of')
    world.now -= DAY
    await one.take(`${ID}/1`)
    await t.rejects(one.take(`${ID}/1`), { code: 'contract_quota_used_up' })
  })

  await t.test('what is leased before midnight is not used after it', async (t) => {
    world.quotas.set(`${ID}/1`, { perDay: 100 })
    const one = node(t, database)
    world.now = Date.parse('2026-06-01T23:59:58.000Z')
    for (let i = 0; i < 20; i++) {
      await one.take(`${ID}/1`)
      world.now += 90
    }
    world.now = Date.parse('2026-06-01T23:59:59.999Z')
    await one.take(`${ID}/1`)
    world.now += 2
    t.equal((await storm([one], 200)).passed, 100)
    t.match((await days()).at(-1), { day: '2026-06-02' })
    t.equal(Number((await days()).at(-1)!.used), 100, 'all of them are of the new day')
  })

  await t.test('a restart does not give the day anew, the next day does, a version goes on', async (t) => {
    world.quotas.set(`${ID}/1`, { perDay: 10 })
    world.quotas.set(`${ID}/2`, { perDay: 4 })
    world.quotas.set(`${ID}/3`, { perDay: 12 })
    t.equal((await storm([node(t, database)], 6)).passed, 6)
    const again = isShared ? database : await openDatabase(url)
    if (again !== database) t.teardown(() => again.close())
    const restarted = node(t, again)
    t.equal((await storm([restarted], 20)).passed, 4)
    t.equal((await storm([restarted], 5, `${ID}/2`)).passed, 0, 'a lower quota')
    t.equal((await storm([restarted], 5, `${ID}/3`)).passed, 2, 'a higher one, at once')
    world.now = Date.parse('2026-06-02T00:00:00.000Z')
    t.equal((await storm([restarted], 20, `${ID}/2`)).passed, 4)
    t.strictSame(
      (await days()).map(({ day, used }) => [day, Number(used)]),
      [
        ['2026-06-01', 12],
        ['2026-06-02', 4],
      ],
    )
    world.now += 40 * DAY
    await storm([restarted], 1, `${ID}/2`)
    t.equal((await days()).length, 1, 'old days are forgotten')
  })

  await t.test('a clock that moves back and forth gives nothing anew', async (t) => {
    world.quotas.set(`${ID}/1`, { perDay: 5 })
    world.quotas.set(`bucket/1`, { perSecond: 10, burst: 20 })
    const one = node(t, database)
    let calls = 0
    for (const move of [0, DAY, -DAY, DAY, -3_600_000, DAY, -2 * DAY, 2 * DAY]) {
      world.now += move
      calls += (await storm([one], 20)).passed
    }
    t.equal(calls, 5 * (await days()).length, 'each day has its own')
    world.now = NOON
    t.equal((await storm([one], 50, 'bucket/1')).passed, 20)
    let refilled = 0
    for (const move of [-5_000, 5_000, -5_000, 5_000, -60_000, 0]) {
      world.now += move
      refilled += (await storm([one], 50, 'bucket/1')).passed
    }
    t.equal(refilled, 0, 'a clock that goes back, and one that returns, refill nothing')
    world.now += 1000
    t.equal((await storm([one], 50, 'bucket/1')).passed, 10, 'and one that was put right goes on')
  })

  await t.test('a second and a burst', async (t) => {
    world.quotas.set(`${ID}/1`, { perSecond: 10, burst: 25 })
    const one = node(t, database)
    const { passed, faults } = await storm([one], 1000)
    t.equal(passed, 25)
    t.match(faults[0], {
      what: `${ID}/1: 10 calls a second, again at 2026-06-01T12:00:00.100Z`,
      retryAfter: 1,
    })
    world.now += 1000
    t.equal((await storm([one], 100)).passed, 10)
    world.now += DAY / 3
    t.equal((await storm([one], 100)).passed, 25, 'no more than the burst is saved')
    for (const quota of [{ perSecond: 7 }, { burst: 7 }]) {
      const version = `${JSON.stringify(quota)}/1`
      world.quotas.set(version, quota)
      t.equal((await storm([one], 100, version)).passed, 7, 'one of the two is both')
      world.now += 1000
      t.equal((await storm([one], 100, version)).passed, 7)
    }
    world.quotas.set('both/1', { perSecond: 100, perDay: 130 })
    const both: number[] = []
    for (let second = 0; second < 3; second++) {
      both.push((await storm([one], 150, 'both/1')).passed)
      world.now += 1000
    }
    t.strictSame(both, [100, 30, 0])
  })
})

t.test(
  'over seconds of more calls than allowed the agreed pace passes, and the database is asked seldom',
  async (t) => {
    const database = await openDatabase('sqlite::memory:')
    t.teardown(() => database.close())
    await migrate(database, contractQuotaMigrations)
    const quotas: { perSecond: number; burst?: number }[] = [
      { perSecond: 100 },
      { perSecond: 100, burst: 5 },
      { perSecond: 2000 },
    ]
    for (const quota of quotas) {
      world.now = NOON
      const version = `${JSON.stringify(quota)}/1`
      world.quotas.set(version, quota)
      const one = node(t, database)
      let passed = 0
      for (let ms = 0; ms < 5000; ms += 10) {
        world.now = NOON + ms
        passed += (await storm([one], quota.perSecond / 50, version)).passed
      }
      const most = 5 * quota.perSecond + (quota.burst ?? quota.perSecond)
      t.ok(passed <= most && passed > 0.85 * 5 * quota.perSecond, `${passed} of ${most}`)
      // A bucket of a few calls cannot be leased in lots.
      const seldom = quota.burst === undefined ? 300 : 700
      t.ok(one.leases < seldom, `${one.leases} questions in five seconds`)
    }
  },
)

t.test('while the database is away no call under a quota passes, and all do again afterwards', async (t) => {
  if (!hasPostgresql()) return t.pass('PostgreSQL is not installed')
  const server = await startPostgresql()
  const database = await openDatabase(await server.freshDatabase())
  t.teardown(() => database.close())
  await migrate(database, contractQuotaMigrations)
  world.quotas.clear()
  world.quotas.set(`${ID}/1`, { perDay: 100 })
  const one = node(t, database)
  t.equal((await storm([one], 60)).passed, 60)
  await server.crash()
  const { passed, faults } = await storm([one], 200)
  t.equal(passed, 0)
  t.strictSame([...new Set(faults.map(({ code }) => code))], ['contract_quota_unknown'])
  t.match(faults[0], { what: `${ID}/1`, retryAfter: 1, cause: { code: 'database_error' } })
  await one.take('none/1')
  await server.start()
  world.now += 1000
  t.equal((await storm([one], 200)).passed, 40, 'the day goes on where it was')
})

t.test('what one node may lease ahead', async (t) => {
  const bucket = fullBucket({ perSecond: 100 }, 0)
  const asked = (waiting: number, ahead: number) =>
    grant({ quota: { perSecond: 100 }, bucket, back: 0, used: 0, wanted: { waiting, ahead }, now: 0 })
  t.match(asked(10, 5), { granted: 10, ahead: 5, bucket: { tokens: 85_000 } })
  t.match(asked(10, 500), { granted: 10, ahead: 45 }, 'half of the rest: other nodes have calls, too')
  t.match(asked(150, 500), { granted: 100, ahead: 0, usedUp: { limit: 'second', again: 10 } })
})
