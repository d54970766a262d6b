/**
 * `concordat log verify` with a state file: continues, verifies new records, reports what was damaged, and
 * rejects a file that is not a state.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { logFolder, logOptions, openTestLog, signedRecord } from '#security-server/message-log/fixture.ts'
import { run } from './log.ts'

async function command(...args: string[]): Promise<{ code: number; out: string; errors: string }> {
  const said = { out: '', errors: '' }
  const out = { write: (text: string) => (said.out += text) }
  const errors = { write: (text: string) => (said.errors += text) }
  return { code: await run(['verify', ...args], out, errors), ...said }
}

t.test('a log that grows', async (t) => {
  const folder = logFolder(t)
  const options = logOptions(folder)
  const log = await openTestLog(t, options)
  const record = await signedRecord()
  const grow = async (): Promise<void> => {
    for (let i = 0; i < 10; i++) await log.append({ ...record, ids: { id: `${i}`, requestId: `${i}` } })
    await log.checkpointNow()
  }
  await grow()
  const state = path.join(folder, 'state.json')
  const verify = (...more: string[]) =>
    command('--keys', options.keyFolder, '--state', state, ...more, options.databaseUrl)
  const first = await verify()
  t.match(first, { code: 0, out: /11 records(?:.|\n)*The log holds/ })
  t.notMatch(first.out, /went on/)
  await grow()
  t.match(await verify(), {
    code: 0,
    out: /verified at record 11(?:.|\n)*went on at record 11(?:.|\n)*21 records/,
  })
  t.match(JSON.parse((await verify('--json')).out), { ok: true, from: 21, records: 21 })

  const database = new DatabaseSync(options.databaseUrl.slice('sqlite:'.length))
  database.exec('update record set form = replace(form, \'"version":1\', \'"version":2\') where idx = 4')
  t.match(await verify(), { code: 0 }, 'what was verified is not read again')
  t.match(await verify('--full'), { code: 1, out: /DOES NOT HOLD from record 4/ })
  database.exec('update record set form = replace(form, \'"version":2\', \'"version":1\') where idx = 4')
  database.close()
  t.match(await verify(), { code: 0, out: /21 records/ }, 'a state of a broken log is not gone on from')

  const policy = path.join(folder, 'policy')
  writeFileSync(policy, 'quorum none\n')
  t.match(await verify('--witnesses', policy), { code: 0 })
  writeFileSync(policy, 'quorum somebody\n')
  t.match(await verify('--witnesses', policy), { code: 1, errors: /line 1: somebody/ })
  t.match(await verify('--witnesses', `${policy}.none`), { code: 1, errors: /policy\.none/ })
  writeFileSync(state, 'something else')
  t.match(await verify(), { code: 1, errors: /not the state/ })
  t.equal(readFileSync(state, 'utf8'), 'something else', 'and is not overwritten')
  t.match(await command('--state', state, 'sqlite:/a', 'sqlite:/b'), {
    code: 2,
    errors: /A state is of one log/,
  })
})
