/**
 * Places, claims and clocks, with the database alone and with BullMQ. A kind whose jobs hang leaves places
 * for the others. A leap of the clock in either direction neither starts a job twice nor delays it. A job is
 * done once, however slow the database is.
 */
import t, { type Test } from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { type Database, openDatabase, tablesOf } from '#platform/database/open-database.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import { eachDatabase } from '#test/databases.ts'
import { skipFor } from '#test/outside-tools.ts'
import { hasRedis, startRedis } from '#test/redis.ts'
import { until } from '#test/until.ts'
import { createJobs, type JobHandler, type Jobs } from './create-jobs.ts'
import { jobMigrations } from './migrations.ts'
import { createRunner } from './runner.ts'
import { createJobStore } from './store.ts'

const log = createLog({ name: 'test', level: 'fatal' })
const MAILS = 30

type NodeOptions = { node?: string; clock?: () => number; leaseSeconds?: number }
const node = (database: Database, handlers: Record<string, JobHandler>, more: NodeOptions = {}): Jobs =>
  createJobs({ database, clock: Date.now, log, node: 'a', handlers, ...more })

async function limited(database: Database, t: Test, redisUrl?: string): Promise<void> {
  await migrate(database, jobMigrations)
  let hanging = 0
  let most = 0
  let lists = 0
  const sent = new Set<unknown>()
  const opens: (() => void)[] = []
  const mail: JobHandler = async ({ payload }) => {
    most = Math.max(most, ++hanging)
    await new Promise<void>((resolve) => opens.push(resolve))
    hanging--
    sent.add(payload)
  }
  const list: JobHandler = async () => {
    lists++
  }
  const jobs = createJobs({
    ...{ database, clock: Date.now, log, node: 'a', handlers: { mail, list }, redisUrl },
    ...{ places: { mail: 2 }, concurrency: 4 },
  })
  for (let i = 0; i < MAILS; i++) {
    if (i === MAILS / 2) await jobs.start()
    await jobs.enqueue('mail', i)
  }
  await until('two that hang', (saw) => saw(hanging) === 2)
  for (let i = 1; i <= 3; i++) {
    await jobs.enqueue('list', null)
    await until(`list ${i}`, (saw) => saw(lists) === i)
  }
  t.equal(sent.size, 0, 'nothing was done of what hangs')
  await until('every mail', (saw) => {
    for (const open of opens.splice(0)) open()
    return saw(sent.size) === MAILS
  })
  t.equal(most, 2)
  await jobs.stop()
}

t.test('the database alone', (t) => eachDatabase(t, (database, t) => limited(database, t)))

t.test('BullMQ', async (t) => {
  if (!hasRedis()) return skipFor(t, 'neither Valkey nor Redis is installed')
  const redis = await startRedis()
  const database = await openDatabase('sqlite::memory:')
  await limited(database, t, redis.url)
  await database.close()
})

t.test('a clock that leaps begins nothing a second time that runs here', (t) =>
  eachDatabase(t, async (database, t) => {
    await migrate(database, jobMigrations)
    let now = Date.now()
    let open: () => void = () => undefined
    let end: () => void = () => undefined
    const begun: string[] = []
    const work: JobHandler = async ({ payload, signal }) => {
      begun.push(`${String(payload)}`)
      if (payload === 'long') await new Promise<void>((resolve) => (open = resolve))
      t.notOk(signal.aborted)
    }
    let again = 0
    const recurring: JobHandler = async () => {
      again += 1
      if (again === 1) await new Promise<void>((resolve) => (end = resolve))
    }
    const handlers = { work, recurring }
    const jobs = createJobs({ database, clock: () => now, log, node: 'a', handlers })
    await jobs.start()
    await jobs.every('recurring', 300, { immediately: true })
    await until('the recurring job', () => again === 1)
    await jobs.enqueue('work', 'long', { key: 'long' })
    await until('job 1', (saw) => saw(begun).length === 1)
    now += 86_400_000
    // A job that starts after the leap shows that the timer has checked the rows.
    await jobs.enqueue('work', 'short')
    await until('job 2', (saw) => saw(begun).length === 2)
    await jobs.enqueue('work', 'short')
    await until('job 3', (saw) => saw(begun).length === 3)
    t.same(begun, ['long', 'short', 'short'])
    t.equal(again, 1)
    end()
    await until('its next run', (saw) => saw(again) === 2)
    open()
    await jobs.stop()
    t.match(
      await jobs.state(),
      [{}, { waiting: 0 }],
      'what was due in the leap ran when its last run had ended',
    )
  }),
)

t.test('nor does one that leaps between two claims of one look', (t) =>
  eachDatabase(t, async (database, t) => {
    await migrate(database, jobMigrations)
    let now = Date.now()
    let leaps = false
    const store = createJobStore(database)
    const ended = Promise.withResolvers<void>()
    const begun = Promise.withResolvers<void>()
    const limited: JobHandler = async () => {
      begun.resolve()
      await ended.promise
    }
    const runner = createRunner({
      store: {
        ...store,
        claimDue: async (...q) => {
          const jobs = await store.claimDue(...q)
          if (leaps) now += 86_400_000
          return jobs
        },
      },
      ...{ clock: () => now, log, node: 'a', handlers: { other: async () => undefined, limited } },
      ...{ leaseMs: 30_000, concurrency: 8, places: { limited: 2 }, onEnd: () => undefined },
    })
    const at = new Date(now).toISOString()
    await store.put({
      ...{ id: '1', kind: 'limited', key: null, payload: '0' },
      ...{ runAt: at, everySeconds: null, now: at },
    })
    await runner.claimDue(0)
    await begun.promise
    leaps = true
    await runner.claimDue(0)
    const rows = tablesOf<{ job: { attempt: number } }>(database).selectFrom('job').select('attempt')
    t.same(await rows.execute(), [{ attempt: 1 }], 'claimed once')
    ended.resolve()
    await runner.drain()
  }),
)

t.test('a clock that was ahead and is put right stops nothing', (t) =>
  eachDatabase(t, async (database, t) => {
    await migrate(database, jobMigrations)
    const day = 86_400_000
    const right = Date.parse('2026-01-01T00:00:00Z')
    let now = right
    const ran: string[] = []
    let fails = true
    const handlers: Record<string, JobHandler> = {
      pulse: async () => void ran.push('pulse'),
      mail: async ({ payload }) => {
        if (payload === 'refused' && fails) throw new Fault('network_error', { what: 'the collector' })
        ran.push(String(payload))
      },
    }
    const ahead = node(database, handlers, { clock: () => now })
    await ahead.start()
    await ahead.enqueue('mail', 'tomorrow', { runAt: new Date(right + day) })
    now += 30 * day
    await until('the job of tomorrow', (saw) => saw(ran).includes('tomorrow'))
    await ahead.every('pulse', 600, { immediately: true })
    await until('a pulse', (saw) => saw(ran).includes('pulse'))
    await ahead.enqueue('mail', 'refused')
    await until('a failure', async (saw) =>
      saw(await ahead.state()).some(({ lastError }) => lastError !== null),
    )
    await ahead.stop()
    await ahead.enqueue('mail', 'at once')
    await ahead.enqueue('mail', 'in an hour', { runAt: new Date(now + 3_600_000) })
    await ahead.enqueue('mail', 'held')
    await tablesOf<{ job: { claimed_by: string; claimed_until: string; payload: string } }>(database)
      .updateTable('job')
      .set({ claimed_by: 'a node that is gone', claimed_until: new Date(now + 30_000).toISOString() })
      .where('payload', '=', '"held"')
      .execute()
    ran.length = 0
    fails = false
    now = right
    const jobs = node(database, handlers, { clock: () => now })
    await jobs.start()
    const within = async (ms: number, names: string[]): Promise<void> => {
      const end = now + ms
      // The clock does not go beyond `end`; jobs due by then take as long as this machine needs.
      const look = (): boolean => {
        now = Math.min(now + ms / 20, end)
        return names.every((name) => ran.includes(name))
      }
      await until(`${names} within ${ms} ms`, (saw) => saw({ ran, left: end - now }) && look(), {
        pauseMs: 300,
      })
    }
    await within(120_000, ['at once', 'held'])
    t.notOk(ran.includes('in an hour'), 'a wait that was asked for stays as long as it was')
    await within(900_000, ['pulse', 'refused'])
    await within(7_200_000, ['in an hour'])
    t.equal(ran.filter((name) => name !== 'pulse').length, 4, 'nothing twice')
    await jobs.stop()
  }),
)

t.test('the clock is put back while a job runs: nobody begins it beside that', (t) =>
  eachDatabase(t, async (database, t, url) => {
    await migrate(database, jobMigrations)
    const right = Date.parse('2026-01-01T00:00:00Z')
    let now = right + 86_400_000
    const there = await openDatabase(url)
    let begun = 0
    let open: () => void = () => undefined
    const slow: JobHandler = async () => {
      begun++
      await new Promise<void>((resolve) => (open = resolve))
    }
    // The clock stands still, so a second node could only take over a claim that it wrongly considers
    // expired.
    const nodes = [database, there].map((on, i) => node(on, { slow }, { node: `n${i}`, clock: () => now }))
    await nodes[0]!.enqueue('slow', null)
    await nodes[0]!.start()
    await until('the first run', () => begun === 1)
    now = right
    await nodes[1]!.start()
    const claimed = async (): Promise<string | null> =>
      (
        await tablesOf<{ job: { claimed_until: string | null } }>(database)
          .selectFrom('job')
          .select('claimed_until')
          .executeTakeFirstOrThrow()
      ).claimed_until
    await until(
      'a claim by the right clock',
      async (saw) => saw(await claimed())! < new Date(right + 86_400_000).toISOString(),
    )
    await nodes[1]!.enqueue('slow', null, { key: 'a look', runAt: new Date(right + 3_600_000) })
    t.equal(begun, 1)
    open()
    await until('its end', async (saw) => saw(await nodes[0]!.state())[0]?.waiting === 1)
    t.equal(begun, 1)
    for (const one of nodes) await one.stop()
    await there.close()
  }),
)

t.test('an end that cannot be recorded is recorded later: its job is not done again', (t) =>
  eachDatabase(t, async (database, t, url) => {
    await migrate(database, jobMigrations)
    const there = await openDatabase(url)
    let runs = 0
    const work: JobHandler = async () => void runs++
    let now = Date.now()
    const more = { leaseSeconds: 3, clock: () => now }
    const nodes = [database, there].map((on, i) => node(on, { work }, { ...more, node: `n${i}` }))
    await database.kysely.schema.alterTable('job_kind').renameTo('job_kind_away').execute()
    await nodes[0]!.enqueue('work', null)
    for (const one of nodes) await one.start()
    await until('a run', () => runs >= 1)
    const job = tablesOf<{ job: { claimed_until: string } }>(database)
      .selectFrom('job')
      .select('claimed_until')
    // Longer than the claim under which the job started; no further than it is renewed, however busy the
    // machine is.
    for (let seconds = 1; seconds <= 5; seconds++) {
      now += 1000
      await until(
        `renewal ${seconds}`,
        async (saw) => Date.parse(saw(await job.executeTakeFirstOrThrow()).claimed_until) === now + 3000,
      )
    }
    t.equal(runs, 1)
    await database.kysely.schema.alterTable('job_kind_away').renameTo('job_kind').execute()
    await until('the end of all', async (saw) =>
      saw(await nodes[0]!.state()).every(({ waiting }) => waiting === 0),
    )
    for (const one of nodes) await one.stop()
    await there.close()
    t.equal(runs, 1)
  }),
)

t.test('a claim that was answered when it had run out begins nothing', (t) =>
  eachDatabase(t, async (database, t, url) => {
    await migrate(database, jobMigrations)
    const there = await openDatabase(url)
    const store = createJobStore(database)
    const answer = Promise.withResolvers<void>()
    const claimed = Promise.withResolvers<void>()
    const ran: string[] = []
    const lost = Promise.withResolvers<void>()
    const late = createRunner({
      // The real store, with slow answers.
      store: {
        ...store,
        claimDue: async (claim, which) => {
          const rows = await store.claimDue(claim, which)
          claimed.resolve()
          await answer.promise
          return rows
        },
      },
      ...{ clock: Date.now, log, node: 'late', leaseMs: 200, concurrency: 1, places: {} },
      handlers: { work: async () => void ran.push('late') },
      onEnd: () => lost.resolve(),
    })
    // Its own claim outlasts a slow database.
    const other = node(there, { work: async () => void ran.push('other') })
    await other.enqueue('work', null)
    const claiming = late.claimDue(0)
    await claimed.promise
    await other.start()
    await until('the run of the other', () => ran.length === 1)
    answer.resolve()
    await claiming
    await lost.promise
    await other.stop()
    await there.close()
    t.strictSame(ran, ['other'])
  }),
)
