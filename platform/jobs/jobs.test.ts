import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import t from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import type { Database } from '#platform/database/open-database.ts'
import { inTransaction, openDatabase, tablesOf } from '#platform/database/open-database.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import { eachDatabase } from '#test/databases.ts'
import { skipFor } from '#test/outside-tools.ts'
import { hasRedis, startRedis } from '#test/redis.ts'
import { until } from '#test/until.ts'
import { backOff } from './back-off.ts'
import type { JobHandler, Jobs } from './create-jobs.ts'
import { createJobs } from './create-jobs.ts'
import { jobMigrations } from './migrations.ts'

const log = createLog({ name: 'test', level: 'fatal' })

/** The effects of handlers, in the database, so that they outlive a node. */
type Effects = { effect: { run: string; job: string } }
const migrations = {
  ...jobMigrations,
  'test-001': {
    up: (kysely: Kysely<unknown>) =>
      kysely.schema
        .createTable('effect')
        .addColumn('run', 'text', (column) => column.primaryKey())
        .addColumn('job', 'text')
        .execute(),
  },
}

/**
 * One row per run of a handler. A statement that timed out may have succeeded, so it is repeated but counts
 * once.
 */
const record = async (database: Database, job: string): Promise<void> => {
  const run = randomUUID()
  const insert = tablesOf<Effects>(database).insertInto('effect').values({ run, job })
  const once = insert.onConflict((conflict) => conflict.column('run').doNothing())
  await until(`a row of the run of ${job}`, (saw) =>
    once.execute().then(
      () => true,
      (error: unknown) => void saw(error),
    ),
  )
}
const effects = async (database: Database): Promise<string[]> =>
  (await tablesOf<Effects>(database).selectFrom('effect').select('job').execute())
    .map(({ job }) => job)
    .sort()
const untilEffects = (database: Database, count: number): Promise<boolean> =>
  until(`${count} effects`, async (saw) => saw((await effects(database)).length) >= count, { pauseMs: 50 })
const untilWaiting = (jobs: Jobs, count: number): Promise<boolean> =>
  until(`${count} jobs that wait`, async (saw) => saw(await jobs.state())[0]?.waiting === count)

type NodeOptions = {
  node?: string
  redisUrl?: string
  clock?: () => number
  leaseSeconds?: number
  concurrency?: number
}
const node = (database: Database, handlers: Record<string, JobHandler>, more: NodeOptions = {}): Jobs =>
  createJobs({ database, clock: Date.now, log, node: 'a', handlers, ...more })

t.test('a job runs once, when it is due, with its payload', (t) =>
  eachDatabase(t, async (database, t) => {
    await migrate(database, migrations)
    const seen: unknown[] = []
    let now = Date.parse('2026-01-01T00:00:00Z')
    const mail: JobHandler = async ({ payload, attempt, kind }) => {
      seen.push([kind, payload, attempt])
    }
    const jobs = node(database, { mail }, { clock: () => now })
    await jobs.start()
    await jobs.enqueue('mail', { to: 'a' })
    await jobs.enqueue('mail', 'later', { runAt: new Date(now + 60_000) })
    await untilWaiting(jobs, 1)
    t.equal(seen.length, 1)
    t.match(await jobs.state(), [{ kind: 'mail', waiting: 1, lastError: null, lastSucceededAt: /2026/ }])
    now += 60_000
    await until('the second run', (saw) => saw(seen).length === 2)
    await jobs.stop()
    t.strictSame(seen, [
      ['mail', { to: 'a' }, 1],
      ['mail', 'later', 1],
    ])
    t.match(await jobs.state(), [{ kind: 'mail', waiting: 0 }])
    await t.rejects(jobs.enqueue('unknown', null), /no handler/)
    await t.rejects(jobs.enqueue('mail', 'x'.repeat(70_000)), /larger than/)
  }),
)

t.test('a job and the change that needs it are kept together or not at all', (t) =>
  eachDatabase(t, async (database, t) => {
    await migrate(database, migrations)
    const seen: unknown[] = []
    const send: JobHandler = async ({ payload }) => {
      seen.push(payload)
    }
    const jobs = node(database, { send })
    await jobs.start()
    const change = (payload: string, fails: boolean): Promise<void> =>
      inTransaction(database.kysely, async (within) => {
        await jobs.enqueue('send', payload, { within })
        await wait(20)
        if (fails) throw new Error('rolled back')
      })
    await t.rejects(change('lost', true), /rolled back/)
    await change('kept', false)
    await until('a run', () => seen.length > 0)
    await jobs.stop()
    t.strictSame(seen, ['kept'])
  }),
)

t.test('a key waits once; asked for while it runs, it runs once more', (t) =>
  eachDatabase(t, async (database, t) => {
    await migrate(database, migrations)
    const seen: unknown[] = []
    let open: () => void = () => undefined
    const publish: JobHandler = async ({ payload }) => {
      seen.push(payload)
      if (seen.length === 1) await new Promise<void>((resolve) => (open = resolve))
    }
    const jobs = node(database, { publish })
    for (const payload of [1, 2, 3]) await jobs.enqueue('publish', payload, { key: 'conf' })
    await jobs.start()
    await until('the first run', (saw) => saw(seen).length === 1)
    for (const payload of [4, 5]) await jobs.enqueue('publish', payload, { key: 'conf' })
    open()
    await until('the second run', (saw) => saw(seen).length === 2)
    await untilWaiting(jobs, 0)
    await jobs.stop()
    t.strictSame(seen, [3, 5], 'with the newest payload')
  }),
)

t.test('a failure rests longer each time, is never dropped, and shows', (t) =>
  eachDatabase(t, async (database, t) => {
    await migrate(database, migrations)
    let now = 0
    const attempts: number[] = []
    const fetch: JobHandler = async ({ attempt }) => {
      attempts.push(attempt)
      if (attempts.length < 4) throw new Fault('network_error', { what: 'the source' })
    }
    const jobs = node(database, { fetch }, { clock: () => now })
    await jobs.enqueue('fetch', null)
    await jobs.start()
    for (const count of [1, 2, 3]) {
      await until(`attempt ${count}`, (saw) => saw(attempts).length === count)
      const ended = new Date(now).toISOString()
      await until('its end', async (saw) => saw(await jobs.state())[0]?.lastEndedAt === ended)
      const before = attempts.length
      now += 700 * 2 ** (count - 1)
      await jobs.enqueue('fetch', null, { key: 'other', runAt: new Date(now + 1e9) })
      await wait(20)
      t.equal(attempts.length, before, 'not before its time')
      now += 400 * 2 ** (count - 1)
    }
    await until('attempt 4', (saw) => saw(attempts).length === 4)
    await until('its success', async (saw) => saw(await jobs.state())[0]?.lastError === null)
    await jobs.stop()
    t.strictSame(attempts, [1, 2, 3, 4])
    const rests = [1, 2, 3, 8, 9, 10, 1000].map((attempt) => backOff(attempt, 0.999999))
    t.strictSame(rests, [1000, 2000, 4000, 128_000, 256_000, 300_000, 300_000])
    t.equal(backOff(10, 0, 60_000), 45_000, 'a recurring kind rests no longer than its interval')
  }),
)

t.test('a recurring kind is one row and runs on, never twice at once', (t) =>
  eachDatabase(t, async (database, t) => {
    await migrate(database, migrations)
    let now = 0
    let runs = 0
    let slow: Promise<void> | undefined
    let fails = false
    const stamp: JobHandler = async () => {
      runs++
      await slow
      if (fails) throw new Fault('timestamping_failed')
    }
    const jobs = node(database, { stamp }, { clock: () => now })
    for (let i = 0; i < 3; i++) await jobs.every('stamp', 60)
    await jobs.start()
    await wait(20)
    t.equal(runs, 0, 'the interval comes first')
    now += 60_000
    await until('the first run', (saw) => saw(runs) === 1)
    let open: () => void = () => undefined
    slow = new Promise<void>((resolve) => (open = resolve))
    await jobs.every('stamp', 60, { immediately: true })
    await until('the second run', (saw) => saw(runs) === 2)
    await jobs.every('stamp', 60, { immediately: true })
    await wait(20)
    t.equal(runs, 2, 'never two at once')
    fails = true
    open()
    await until('its failure', async (saw) => saw(await jobs.state())[0]?.lastError !== null)
    t.match(await jobs.state(), [{ kind: 'stamp', waiting: 1, lastError: /time-stamp/ }])
    await jobs.stop()
    if (database.dialect === 'sqlite') return
    const handlers = Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`kind ${n}`, stamp]))
    const first = [0, 1, 2].map(() => node(database, handlers))
    for (const kind of Object.keys(handlers)) await Promise.all(first.map((one) => one.every(kind, 60)))
    t.equal((await jobs.state()).length, 301, 'one row for all nodes that start at once')
  }),
)

t.test('several nodes share the work and never run one job at once', (t) =>
  eachDatabase(t, async (database, t, url) => {
    await migrate(database, migrations)
    const others = database.dialect === 'sqlite' ? [] : [await openDatabase(url), await openDatabase(url)]
    const inWork = new Set<string>()
    let doubled = 0
    const ranOn = new Set<string>()
    const allAtWork = Promise.withResolvers<void>()
    const nodes: Jobs[] = [database, ...others].map((on, i) => {
      const work: JobHandler = async ({ id, payload }) => {
        if (inWork.has(id)) doubled++
        inWork.add(id)
        ranOn.add(`n${i}`)
        // No node can finish all the work before the others have begun.
        if (ranOn.size === nodes.length) allAtWork.resolve()
        await allAtWork.promise
        await record(on, String(payload))
        inWork.delete(id)
      }
      return node(on, { work }, { node: `n${i}`, leaseSeconds: 30 })
    })
    for (let i = 0; i < 200; i++) await nodes[0]!.enqueue('work', i)
    for (const one of nodes) await one.start()
    await untilEffects(database, 200)
    for (const one of nodes) await one.stop()
    for (const other of others) await other.close()
    t.equal(doubled, 0)
    t.equal(ranOn.size, nodes.length)
    t.equal(new Set(await effects(database)).size, 200)
    t.equal((await effects(database)).length, 200)
  }),
)

t.test('a node is killed in the middle of its jobs: another does them when the lease is over', (t) =>
  eachDatabase(t, async (database, t, url) => {
    await migrate(database, migrations)
    const code = `
      import { createJobs } from '#platform/jobs/create-jobs.ts'
      import { openDatabase } from '#platform/database/open-database.ts'
      import { createLog } from '#platform/logging/create-log.ts'
      const database = await openDatabase(${JSON.stringify(url)})
      const work = async ({ payload }) => {
        if (payload === 9) process.stdout.write('hanging')
        if (payload >= 5) await new Promise(() => {})
      }
      const jobs = createJobs({ database, clock: Date.now, log: createLog({ name: 'x', level: 'fatal' }), node: 'x', handlers: { work }, leaseSeconds: 1 })
      await jobs.start()`
    // Its own claims outlast a slow database: only those of the node that is killed end soon.
    const jobs = node(database, { work: async ({ payload }) => record(database, String(payload)) })
    for (let i = 0; i < 10; i++) await jobs.enqueue('work', i)
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await new Promise((resolve) => child.stdout.once('data', resolve))
    await untilWaiting(jobs, 5)
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
    await jobs.start()
    await untilEffects(database, 5)
    await jobs.stop()
    t.strictSame(await effects(database), ['5', '6', '7', '8', '9'])
  }),
)

t.test('stopping waits for what runs; a claim that is lost says so', (t) =>
  eachDatabase(t, async (database, t) => {
    await migrate(database, migrations)
    let open: () => void = () => undefined
    let begun = 0
    let lost: unknown
    const slow: JobHandler = async ({ signal }) => {
      begun++
      signal.addEventListener('abort', () => (lost = signal.reason))
      await new Promise<void>((resolve) => (open = resolve))
    }
    const jobs = node(database, { slow }, { leaseSeconds: 1, concurrency: 1 })
    await jobs.enqueue('slow', null)
    await jobs.enqueue('slow', null)
    await jobs.start()
    await until('the first run', () => begun === 1)
    const job = tablesOf<{ job: { claimed_by: string; claimed_until: string | null } }>(database)
    const claims = job.selectFrom('job').select('claimed_until').where('claimed_until', 'is not', null)
    const [claim] = await claims.execute()
    await until('a renewal of the claim', async (saw) => {
      const rows = saw(await claims.execute())
      return rows.length === 1 && rows[0]!.claimed_until !== claim!.claimed_until
    })
    t.equal(begun, 1, 'one place is one job')
    await job.updateTable('job').set({ claimed_by: 'other' }).execute()
    await until('the loss of the claim', () => lost !== undefined)
    t.match(lost, { code: 'conflict' })
    let isStopped = false
    const stopping = jobs.stop().then(() => (isStopped = true))
    await wait(20)
    t.notOk(isStopped)
    open()
    await stopping
    t.equal(begun, 1, 'nothing new is begun')
    t.match(await jobs.state(), [{ kind: 'slow', waiting: 2 }], 'the row of the other claim is left alone')
  }),
)

t.test('BullMQ on a real server, flushed and killed under load: nothing lost, nothing twice', async (t) => {
  if (!hasRedis()) return skipFor(t, 'neither Valkey nor Redis is installed')
  const redis = await startRedis()
  await eachDatabase(t, async (database, t, url) => {
    await migrate(database, migrations)
    const databases = database.dialect === 'sqlite' ? [database] : [database, await openDatabase(url)]
    let failures = 0
    let pulses = 0
    // Five times as fast, so that jobs count as lost and overdue sooner.
    const began = Date.now()
    const fast = (): number => began + (Date.now() - began) * 5
    const nodes = databases.map((on, i) => {
      const work: JobHandler = async ({ payload, attempt }) => {
        if (Number(payload) % 50 === 0 && attempt === 1) {
          failures++
          throw new Fault('network_error')
        }
        await record(on, String(payload))
      }
      const pulse: JobHandler = async () => {
        pulses++
      }
      // Claims are renewed by real time, so this is 30 s by this clock.
      return node(on, { work, pulse }, { node: `n${i}`, redisUrl: redis.url, clock: fast, leaseSeconds: 150 })
    })
    for (const one of nodes) await one.start()
    await nodes[0]!.every('pulse', 1, { immediately: true })
    const count = 300
    for (let i = 0; i < count; i++) {
      await nodes[i % nodes.length]!.enqueue('work', i)
      if (i % 60 === 30) await redis.flush()
      if (i === 150) await redis.kill()
      if (i === 200) await redis.start()
    }
    await untilEffects(database, count)
    const before = pulses
    await until('one more pulse', () => pulses > before)
    for (const one of nodes) await one.stop()
    const done = await effects(database)
    t.equal(new Set(done).size, count, 'nothing lost')
    t.equal(done.length, count, 'nothing twice')
    t.equal(failures, count / 50)
    t.match(
      (await nodes[0]!.state()).find(({ kind }) => kind === 'work'),
      { waiting: 0 },
    )
    for (const on of databases.slice(1)) await on.close()
  })
  await t.test('ids travel through the queue', async (t) => {
    const database = await openDatabase('sqlite::memory:')
    await migrate(database, migrations)
    // With a clock that stands still nothing becomes overdue, so only the queue can bring a job to its
    // handler.
    const now = Date.now()
    const work: JobHandler = async () => record(database, 'x')
    const jobs = node(database, { work }, { redisUrl: redis.url, clock: () => now })
    await jobs.start()
    await until(
      'a job that came through the queue',
      async () => {
        await jobs.enqueue('work', null, { key: 'one' })
        return (await effects(database)).length > 0
      },
      { pauseMs: 50 },
    )
    await jobs.stop()
    await database.close()
    t.pass('it came')
  })
  await t.test('a server that is down from the start to the end', async (t) => {
    await redis.kill()
    const database = await openDatabase('sqlite::memory:')
    await migrate(database, migrations)
    const jobs = node(database, { work: async () => record(database, 'x') }, { redisUrl: redis.url })
    await jobs.start()
    await jobs.enqueue('work', null)
    await untilEffects(database, 1)
    await jobs.stop()
    await database.close()
    t.pass('its work is done here')
  })
})
