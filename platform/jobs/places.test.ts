/** A kind whose jobs hang leaves places for the others, with the database alone and with BullMQ; a leap of the clock begins nothing twice. */
import { setTimeout as wait } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { type Database, openDatabase } from '#platform/database/open-database.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { eachDatabase } from '#test/databases.ts'
import { skipFor } from '#test/outside-tools.ts'
import { hasRedis, startRedis } from '#test/redis.ts'
import { createJobs, type JobHandler } from './create-jobs.ts'
import { jobMigrations } from './migrations.ts'

const log = createLog({ name: 'test', level: 'fatal' })
const MAILS = 30

async function until(held: () => boolean): Promise<void> {
  while (!held()) await wait(10)
}

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
  await until(() => hanging === 2)
  for (let i = 1; i <= 3; i++) {
    await jobs.enqueue('list', null)
    await until(() => lists === i)
  }
  t.equal(sent.size, 0, 'nothing was done of what hangs')
  while (sent.size < MAILS) {
    for (const open of opens.splice(0)) open()
    await wait(10)
  }
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
    await until(() => again === 1)
    await jobs.enqueue('work', 'long', { key: 'long' })
    await until(() => begun.length === 1)
    now += 86_400_000
    // What is begun after the leap shows that the timer has looked.
    await jobs.enqueue('work', 'short')
    await until(() => begun.length === 2)
    await jobs.enqueue('work', 'short')
    await until(() => begun.length === 3)
    t.same(begun, ['long', 'short', 'short'])
    t.equal(again, 1)
    end()
    await until(() => again === 2)
    open()
    await jobs.stop()
    t.match(
      await jobs.state(),
      [{}, { waiting: 0 }],
      'what was due in the leap ran when its last run had ended',
    )
  }),
)
