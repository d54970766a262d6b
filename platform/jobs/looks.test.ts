/** Recurring kinds that are looked at: they run when something is due, and nothing is written until then. */
import type { KyselyPlugin } from 'kysely'
import t from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { eachDatabase } from '#test/databases.ts'
import { until } from '#test/until.ts'
import { createJobs } from './create-jobs.ts'
import { jobMigrations } from './migrations.ts'

const log = createLog({ name: 'test', level: 'fatal' })
const LOOKS = 3
const HOUR_S = 3600

t.test('a kind with a long interval runs as soon as it is due; idle nodes only read', (t) =>
  eachDatabase(t, async (database, t) => {
    await migrate(database, jobMigrations)
    const statements = new Set<string>()
    const kinds = new WeakMap<object, string>()
    const plugin: KyselyPlugin = {
      transformQuery: ({ node, queryId }) => {
        kinds.set(queryId, node.kind)
        return node
      },
      // A statement is made once and runs many times.
      transformResult: async ({ result, queryId }) => {
        statements.add(kinds.get(queryId) ?? 'unknown')
        return result
      },
    }
    const watched = { ...database, kysely: database.kysely.withPlugin(plugin) }
    let [looks, ran, isDue] = [0, 0, false]
    const handlers = {
      sweep: async () => {
        ran += 1
        isDue = false
      },
      broken: async () => undefined,
    }
    const jobs = createJobs({ database: watched, clock: Date.now, log, node: 'a', handlers })
    const look = (): boolean => {
      looks += 1
      return isDue
    }
    await jobs.every('broken', HOUR_S, { isDue: () => Promise.reject(new Error('it cannot look')) })
    await jobs.every('sweep', HOUR_S, { isDue: look })
    await jobs.start()
    await until('a look', (saw) => saw(looks) > 0)
    statements.clear()
    const before = looks
    await until('some looks', (saw) => saw(looks) >= before + LOOKS)
    t.strictSame([...statements], ['SelectQueryNode'], 'nothing is written, or locked for writing')
    t.equal(ran, 0)
    isDue = true
    await until('a run', (saw) => saw(ran) > 0)
    const after = looks
    await until('more looks', (saw) => saw(looks) >= after + LOOKS)
    t.equal(ran, 1, 'once')
    isDue = true
    await until('another run', (saw) => saw(ran) > 1)
    await jobs.stop()
  }),
)
