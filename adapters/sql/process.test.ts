/**
 * The adapter as a process: it drains on SIGTERM while a query runs, and ends with exit code 2 for settings
 * that are wrong.
 */
import { spawn, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import pg from 'pg'
import t from 'tap'
import { Agent } from 'undici'
import { askAt, emptyFolder, ownAddress } from '#adapters/kit/kit-fixture.ts'
import { skipFor } from '#test/outside-tools.ts'
import { hasPostgresql, postgresql } from '#test/postgresql.ts'
import { until } from '#test/until.ts'

const CONCORDAT = path.join(import.meta.dirname, '../../scripts/concordat')

t.test('SIGTERM lets a query that runs end', async (t) => {
  if (!hasPostgresql()) return skipFor(t, 'PostgreSQL is not installed')
  const database = await (await postgresql()).freshDatabase()
  const url = new URL(database)
  const address = ownAddress()
  const file = path.join(emptyFolder(t), 'adapter.yaml')
  const settings = {
    listen: { address },
    monitoring: { address },
    service: { code: 'c', title: 't' },
    database: {
      kind: 'postgresql',
      host: url.searchParams.get('host'),
      name: url.pathname.slice(1),
      user: 'postgres',
    },
    resources: [
      {
        path: '/slow',
        one: true,
        query: "select pg_advisory_xact_lock(1)::text as locked, 'end' as said",
        fields: { said: { type: 'string' } },
      },
    ],
    limits: { queryMs: 60_000 },
  }
  writeFileSync(file, JSON.stringify(settings))
  const child = spawn(CONCORDAT, ['adapter', 'sql', '--configuration', file], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  t.teardown(() => void child.kill('SIGKILL'))
  let out = ''
  child.stdout?.on('data', (data: Buffer) => {
    out += data.toString()
  })
  const ended = new Promise((resolve) => void child.once('close', (code) => resolve(code)))
  await new Promise((resolve) => void child.once('message', resolve))
  // The query runs until this is unlocked.
  const lock = new pg.Client({ connectionString: database })
  await lock.connect()
  t.teardown(() => lock.end())
  await lock.query('select pg_advisory_lock(1)')
  const dispatcher = new Agent()
  t.teardown(() => dispatcher.destroy())
  const answer = askAt(`http://${address}:9443/slow`, dispatcher)
  await until('the query to run', async (saw) =>
    saw((await askAt(`http://${address}:9444/metrics`, dispatcher)).text).includes(
      'concordat_sql_queries_running 1',
    ),
  )
  child.kill('SIGTERM')
  await until('the drain', async (saw) => saw(out).includes('"draining"'))
  await lock.query('select pg_advisory_unlock(1)')
  t.match(await answer, { status: 200, body: { said: 'end' } })
  t.equal(await ended, 0)
  t.match(out, /sql-adapter is ready: t at http:/)
  t.match(out, /"draining"[\s\S]*"route":"\/slow","status":200[\s\S]*"stopped"/)
})

t.test('wrong settings end it with code 2 and one line', async (t) => {
  const file = path.join(emptyFolder(t), 'adapter.yaml')
  writeFileSync(
    file,
    'listen: {}\nservice: { code: c, title: t }\ndatabase: { kind: oracle }\nresources: []\n',
  )
  const { status, stderr } = spawnSync(CONCORDAT, ['adapter', 'sql', '--configuration', file], {
    encoding: 'utf8',
  })
  t.equal(status, 2)
  t.match(stderr, /^sql-adapter cannot start: .*adapter\.yaml:3:19: database\.kind/)
  for (const args of [
    ['adapter'],
    ['adapter', 'nonsense'],
    ['adapter', 'sql'],
    ['adapter', 'sql', 'register', '--configuration', file],
  ]) {
    const wrong = spawnSync(CONCORDAT, args, { encoding: 'utf8' })
    t.equal(wrong.status, 2, args.join(' '))
    t.notMatch(wrong.stderr, /^\s+at /m)
  }
})

t.test('a draft takes no password in an address, and repeats none', (t) => {
  const draft = (database: string) =>
    spawnSync(CONCORDAT, ['adapter', 'sql', 'draft', '--database', database], { encoding: 'utf8' })
  for (const address of [
    'postgresql://reader:geheim@localhost:1/register',
    'PostgreSQL://reader:geheim@localhost:1/register',
    'postgresql://reader@localhost:1/register?password=geheim',
    'mariadb://reader@localhost:1/register?ssl=geheim',
  ]) {
    const { status, stderr } = draft(address)
    t.equal(status, 2, address)
    t.notMatch(stderr, /geheim/)
  }
  t.match(draft('postgresql://reader@192.0.2.1/register'), { status: 1, stderr: /authorityFile is needed/ })
  t.end()
})
