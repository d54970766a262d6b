/**
 * A node that is stopped while it has the lock of the tree's head: the others log on, and its group has the
 * next place when it goes on.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { freeze } from '#test/freeze-process.ts'
import { skipFor } from '#test/outside-tools.ts'
import { hasPostgresql, startPostgresql } from '#test/postgresql.ts'
import { until } from '#test/until.ts'
import { logFolder, logOptions, openTestLog, signedRecord } from '../fixture.ts'
import { connected, sizeIn, verifies } from './unsynced-fixture.ts'

if (hasPostgresql()) t.test('a node that is stopped with the lock', stopped)
else skipFor(t, 'PostgreSQL is not installed')

async function stopped(t: Test): Promise<void> {
  const url = await (await startPostgresql([], t)).freshDatabase()
  const folder = logFolder(t)
  const here = await openTestLog(t, logOptions(folder, url))
  // Two, since what others do is shown to a transaction as of its first look.
  const [holding, watching] = [await connected(url), await connected(url)]
  t.teardown(() => Promise.all([holding.end(), watching.end()]))
  const script = path.join(import.meta.dirname, 'stopped-child.ts')
  const child = spawn(process.execPath, [script, folder, url], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  const ended = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const said = async (): Promise<string> => (await lines.next()).value as string
  const append = (): boolean => child.stdin.write('\n')
  t.equal(await said(), 'begins')
  append()
  t.match(await said(), /^\d+$/)

  await holding.query('begin; lock table record in exclusive mode')
  append()
  await until('a group that has the lock of the head', async (saw) => {
    const { rows } = await watching.query<{ query: string }>(
      `select query from pg_stat_activity where wait_event_type = 'Lock' and query like 'insert into record %'`,
    )
    return saw(rows).length === 1
  })
  await freeze([child.pid!])
  const size = await sizeIn(watching)
  await holding.query('commit')
  const { index } = await here.append(await signedRecord())
  t.equal(index, size, 'in the place of its group')

  process.kill(child.pid!, 'SIGCONT')
  t.equal(await said(), `${size + 1}`, 'its group has the next place')
  append()
  t.match(await said(), /^\d+$/, 'and it logs on')
  child.stdin.end()
  t.strictSame(await ended, [0, null])
  await here.checkpointNow()
  await verifies(t, url, folder)
}
