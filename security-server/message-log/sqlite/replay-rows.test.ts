/** Replay keys of a group are one row of the embedded store: what a damaged row does. */
import { randomBytes } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import type { Fault } from '#schemas/fault.ts'
import { logFolder, logOptions, openTestLog, signedRecord } from '../fixture.ts'
import { PRINT_LENGTH } from './replay-window.ts'

const codeOf = (thrown: unknown): string => (thrown as Fault).code

t.test('the keys of a group in one row of the embedded store, which may be damaged', async (t) => {
  const options = logOptions(logFolder(t))
  const log = await openTestLog(t, options)
  const keys = Array.from({ length: 5 }, () => randomBytes(32))
  const records = await Promise.all(keys.map((replayKey) => signedRecord({ replayKey })))
  await Promise.all(records.map((record) => log.append(record)))
  await log.close()
  const change = (sql: string): unknown => {
    const database = new DatabaseSync(options.databaseUrl.slice('sqlite:'.length), { timeout: 5000 })
    try {
      return database.prepare(sql).get()
    } finally {
      database.close()
    }
  }
  const rows = 'select count(*) as rows, sum(length(prints)) as octets, max(time) as time from replay_key'
  t.match(change(rows), { rows: 1, octets: 5 * PRINT_LENGTH })
  const refusesAll = async (why: string): Promise<void> => {
    const again = await openTestLog(t, options)
    const outcomes = await Promise.allSettled(records.map((record) => again.append(record)))
    for (const outcome of outcomes) {
      t.equal(codeOf((outcome as PromiseRejectedResult).reason), 'replayed_request', why)
    }
    await again.append(await signedRecord({ replayKey: randomBytes(32) }))
    await again.close()
  }
  await refusesAll('after a restart')
  const { prints, time } = change('select hex(prints) as prints, time from replay_key where time > 0') as {
    prints: string
    time: number
  }
  for (const damage of [
    'prints = substr(prints, 1, length(prints) - 1)',
    "prints = x''",
    "prints = 'sixteen letters.'",
    "time = 'late'",
    'time = time + 0.5',
  ]) {
    change(`update replay_key set ${damage} where time = ${time}`)
    await t.rejects(openTestLog(t, options), { code: 'log_inconsistent', what: /replay_key/ }, damage)
    change(`update replay_key set time = ${time}, prints = x'${prints}' where rowid = 1`)
  }
  await refusesAll('when it was mended')
})
