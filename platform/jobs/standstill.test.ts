/** Recurring jobs that stand still are detected by elapsed time, on each store. */
import t from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { eachDatabase } from '#test/databases.ts'
import { until } from '#test/until.ts'
import { createJobs, type JobHandler } from './create-jobs.ts'
import { jobMigrations } from './migrations.ts'
import { watchStandstill } from './standstill.ts'
import { createJobStore } from './store.ts'

const log = createLog({ name: 'test', level: 'fatal' })

t.test('jobs that do not come to their turn are told, whatever the clock says', (t) =>
  eachDatabase(t, async (database, t) => {
    await migrate(database, jobMigrations)
    let now = Date.parse('2026-06-01T12:00:00Z')
    let passed = 0
    let ends = 0
    const pass = (ms: number): void => {
      now += ms
      passed += ms
    }
    const clock = (): number => now
    const open: (() => void)[] = []
    const quick: JobHandler = async () => void ends++
    const slow: JobHandler = () => new Promise((resolve) => open.push(resolve))
    const jobs = createJobs({ database, clock, log, node: 'a', handlers: { quick, slow } })
    const store = createJobStore(database)
    const standstill = watchStandstill({
      recurring: () => store.recurring(['quick', 'slow']),
      ...{ clock, elapsed: () => passed },
    })
    await jobs.every('quick', 5, { immediately: true })
    await jobs.every('slow', 5, { immediately: true })
    t.match(await standstill(), { ok: true }, 'nothing runs yet, and nothing had to')
    pass(299_000)
    t.match(await standstill(), { ok: true })
    pass(2_000)
    t.match(await standstill(), { ok: false, reason: /^quick and 1 others did not come to their turn/ })
    const later = watchStandstill({
      recurring: () => store.recurring(['quick', 'slow']),
      ...{ clock, elapsed: () => passed },
    })
    t.match(await later(), { ok: true }, 'a process that has just started waits for its own turn')

    await jobs.start()
    await until('a run of each kind', (saw) => saw([ends, open.length]).every((count) => count > 0))
    t.match(await standstill(), { ok: true }, 'one has ended, one is held')
    t.match(await jobs.standstill(), { ok: true })
    for (const end of open) end()
    await jobs.stop()
    t.match(await standstill(), { ok: true }, 'seen to have gone on')
    pass(301_000)
    t.match(
      await standstill(),
      { ok: false, reason: /quick/ },
      'and to stand again, when the runner has stopped',
    )
    now -= 2 * 86_400_000
    t.match(await standstill(), { ok: false }, 'with a clock that was put back')
  }),
)
