/** How often a job that fails again and again is told. */
import t from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { openDatabase } from '#platform/database/open-database.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import { until } from '#test/until.ts'
import { createJobs, type JobHandler } from './create-jobs.ts'
import { jobMigrations } from './migrations.ts'

t.test('a failure is a warning once, then ever less often, and its end is told', async (t) => {
  const database = await openDatabase('sqlite::memory:')
  t.teardown(() => database.close())
  await migrate(database, jobMigrations)
  const lines: string[] = []
  let now = 0
  let runs = 0
  const fetch: JobHandler = async () => {
    runs++
    if (runs < 20) throw new Fault('network_error', { what: 'the source' })
  }
  const jobs = createJobs({
    ...{ database, clock: () => now, node: 'a', handlers: { fetch } },
    log: createLog({ name: 'test', destination: { write: (line) => void lines.push(line) } }),
  })
  await jobs.enqueue('fetch', null)
  await jobs.start()
  await until('its success', async (saw) => {
    now += 300_000
    await jobs.enqueue('fetch', null, { key: 'other', runAt: new Date(now + 1e12) })
    return saw(lines).some((line) => line.includes('a job that had failed is done'))
  })
  await jobs.stop()
  const told = lines.map((line) => JSON.parse(line) as { level: string; msg: string; attempt?: number })
  t.same(
    told.filter(({ msg }) => /^a job/.test(msg)).map(({ level, attempt }) => [level, attempt]),
    [
      ['warn', 1],
      ['warn', 8],
      ['warn', 16],
      ['info', 20],
    ],
  )
})
