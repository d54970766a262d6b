import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { sql } from 'kysely'
import t from 'tap'
import { createApiKeys } from '#platform/api-keys/create-api-keys.ts'
import { apiKeyMigrations } from '#platform/api-keys/store.ts'
import { readConfiguration } from '#platform/configuration/read-configuration.ts'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { migrate } from '#platform/database/migrate.ts'
import { createHealth } from '#platform/health/create-health.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { createMetrics } from '#platform/metrics/create-metrics.ts'
import { Fault } from '#schemas/fault.ts'
import { eachDatabase } from '#test/databases.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'concordat-platform-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const file = (name: string, text: string, mode = 0o600): string => {
  const at = path.join(folder, name)
  writeFileSync(at, text)
  chmodSync(at, mode)
  return at
}

t.test('log: secrets hidden, lines whole, causes told', (t) => {
  const lines: string[] = []
  const log = createLog({ name: 'test', destination: { write: (line) => lines.push(line) } })
  log.info(
    {
      pin: '1234',
      request: { authorization: 'X', token: 'T' },
      id: 'a\u001b[31m\u009b\u202e\u2060\u{e0041}\nforged',
    },
    'one',
  )
  const cause = Object.assign(new Error('no space'), { code: 'ENOSPC' })
  log.error({ err: new Fault('logging_failed', { what: 'the disk', cause }) }, 'two')
  log.error({ err: 'a plain string with content' }, 'three')
  const child = log.child({ token: 'SECRET', device: { pin: 'SECRET' } }).child({ cookie: 'SECRET', kept: 1 })
  child.info({ cause: Object.assign(new Error('known'), { body: 'SECRET' }) }, 'four')
  child.setBindings({ secret: 'SECRET' })
  child.info('five')
  t.equal(lines.length, 5)
  for (const line of lines) t.notMatch(line, /SECRET/)
  for (const line of lines) {
    t.equal(line.indexOf('\n'), line.length - 1, 'one record is one line')
    t.notMatch(line, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\p{Cf}]/u)
  }
  const [one, two, three, four, five] = lines.map((line) => JSON.parse(line) as Record<string, never>)
  t.match(one, { id: 'a\u001b[31m\u009b\u202e\u2060\u{e0041}\nforged' }, 'escapes, not other text')
  t.match(one, { level: 'info', pin: '(hidden)', request: { authorization: '(hidden)', token: '(hidden)' } })
  t.match(two, { err: { code: 'logging_failed', causes: ['ENOSPC: no space'] } })
  t.match(three, { err: { message: 'a thrown string' } })
  t.match(four, { token: '(hidden)', device: { pin: '(hidden)' }, kept: 1, cause: { message: 'known' } })
  t.match(five, { secret: '(hidden)', cookie: '(hidden)' })
  t.end()
})

const schema = {
  type: 'object',
  additionalProperties: false,
  required: ['database'],
  properties: {
    database: { type: 'string' },
    anchor: { type: 'string', 'x-path': true },
    redisUrl: { type: 'string', 'x-environment': 'REDIS_URL' },
    listen: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        port: { type: 'integer', minimum: 0, maximum: 65535, default: 5500 },
        hosts: { type: 'array', items: { type: 'string' } },
        isOpen: { type: 'boolean' },
        peers: { type: 'array', items: { type: 'object', required: ['name'] } },
        limits: {
          type: 'object',
          properties: { calls: { type: 'integer', default: 20 }, most: { type: 'integer' } },
        },
      },
    },
  },
}

t.test('configuration: defaults, paths, environment', async (t) => {
  const at = file('good.yaml', '# our server\ndatabase: sqlite:/x.db\nanchor: conf/anchor.xml\n')
  const read = (environment: Record<string, string>): Promise<unknown> =>
    readConfiguration(at, schema, environment, 'CONCORDAT')
  t.strictSame(await read({ HOME: '/root' }), {
    database: 'sqlite:/x.db',
    anchor: path.join(folder, 'conf/anchor.xml'),
    listen: { port: 5500 },
  })
  const nested = file('nested.yaml', 'database: x\nlisten: { limits: {} }\n')
  t.strictSame(
    await readConfiguration(nested, schema, {}, 'X'),
    { database: 'x', listen: { limits: { calls: 20 }, port: 5500 } },
    'a section that is named gets the defaults of what it does not name',
  )
  const environment = {
    REDIS_URL: 'redis://x',
    CONCORDAT_LISTEN_PORT: '1',
    CONCORDAT_LISTEN_HOSTS: 'a, b',
    CONCORDAT_LISTEN_IS_OPEN: 'true',
    CONCORDAT_LISTEN_PEERS: '[{"name":"a,b"}]',
  }
  t.match(await read(environment), {
    redisUrl: 'redis://x',
    listen: { port: 1, hosts: ['a', 'b'], isOpen: true, peers: [{ name: 'a,b' }] },
  })
  await t.rejects(read({ CONCORDAT_LISTEN_PROT: '1' }), /CONCORDAT_LISTEN_PROT names no setting/)
  const commandLine = { CONCORDAT_REGISTRY_URL: 'http://127.0.0.1:4000', CONCORDAT_REGISTRY_KEY_FILE: 'key' }
  await t.resolves(readConfiguration(at, schema, commandLine, 'CONCORDAT_REGISTRY'), "the command line's own")
  const typo = { CONCORDAT_REGISTRY_KEY_FILES: 'key' }
  await t.rejects(readConfiguration(at, schema, typo, 'CONCORDAT_REGISTRY'), /FILES names no setting/)
  const others = { CONCORDAT_REGISTRY_URL: 'http://x', CONCORDAT_SERVER_URL: 'http://x' }
  t.strictSame(await read(others), await read({}), "the command line's and the registry's")
  await t.rejects(read({ CONCORDAT_LISTEN_PORT: 'x' }), /must be a number/)
  await t.rejects(read({ CONCORDAT_LISTEN_IS_OPEN: 'yes' }), /must be true or false/)
  await t.rejects(read({ CONCORDAT_LISTEN_PEERS: 'a, b' }), /must be a JSON array of objects/)
  await t.rejects(read({ CONCORDAT_LISTEN_PEERS: '[{}]' }), /listen.peers.0.*name/)
  await t.rejects(read({ CONCORDAT_LISTEN_PORT: '70000' }), /listen.port must be <= 65535/)
})

t.test('configuration: each mistake is named with its place', async (t) => {
  const problems: [string, RegExp][] = [
    ['database: x\nlisten:\n  port: many\n', /:3:9: listen.port must be integer/],
    ['database: x\nlisten:\n  prot: 1\n', /:3:9: there is no setting listen.prot/],
    ['listen: {}\n', /:1:1: database is missing/],
    ['database: x\nconstructor: {}\n', /:2:14: there is no setting constructor/],
    ['database: x\nlisten: []\n', /:2:9: listen must be object/],
    ['database: x\nlisten:\n  limits: { most: a lot }\n', /:3:19: listen.limits.most must be integer/],
    ['database: x\ndatabase: y\n', /:2:1: .*unique/],
    ['database: [x\n', /:\d+:\d+: /],
    ['- x\n', /a mapping of settings is needed/],
    ['', /database is missing/],
    [
      'a: &a [x]\nb: &b [*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n',
      /./,
    ],
  ]
  for (const [text, expected] of problems) {
    const at = file('bad.yaml', text)
    await t.rejects(
      readConfiguration(at, schema, {}, 'X'),
      { code: 'invalid_configuration', message: expected },
      text,
    )
  }
  await t.rejects(readConfiguration('/nowhere.yaml', schema, {}, 'X'), { code: 'invalid_configuration' })
})

t.test('secrets: only from files that others cannot read', async (t) => {
  t.equal(await readSecret(file('pin', '1234\n')), '1234')
  await t.rejects(readSecret(file('open', '1234', 0o644)), /chmod 600/)
  await t.rejects(readSecret(file('empty', '\n')), /is empty/)
  await t.rejects(readSecret(folder), /not a small plain file/)
  await t.rejects(readSecret(path.join(folder, 'none')), { code: 'invalid_configuration' })
})

t.test('API keys: shown once, checked at each request', (t) =>
  eachDatabase(t, async (database, t) => {
    await migrate(database, apiKeyMigrations)
    let now = Date.parse('2026-01-01T00:00:00Z')
    const keys = createApiKeys({ database, clock: () => now })
    const key = await keys.create({ name: 'setup', roles: ['REGISTRATION_OFFICER', 'OBSERVER'] })
    const header = `X-Road-ApiKey token=${key.secret}`
    t.strictSame(await keys.authenticate(header), {
      kind: 'key',
      id: key.id,
      name: 'setup',
      roles: ['REGISTRATION_OFFICER', 'OBSERVER'],
    })
    const stored = JSON.stringify((await sql`select * from api_key`.execute(database.kysely)).rows)
    t.notMatch(stored, key.secret.split('.')[1]!)
    const last = key.secret.at(-1) === 'A' ? 'B' : 'A'
    const wrong = [undefined, '', 'X-Road-ApiKey', `Bearer ${key.secret}`, header + 'x', header.slice(0, -5)]
    for (const text of [...wrong, header.slice(0, -1) + last, header.replace(key.id, crypto.randomUUID())]) {
      await t.rejects(keys.authenticate(text), { code: 'unauthorized' }, `${text}`)
    }
    const short = await keys.create({ name: 'short', roles: ['x'], expiresAt: new Date(now + 1000) })
    await keys.authenticate(`X-Road-ApiKey token=${short.secret}`)
    now += 1000
    await t.rejects(keys.authenticate(`X-Road-ApiKey token=${short.secret}`), { code: 'unauthorized' })
    const bound = await keys.create({
      name: 'bound',
      roles: ['x'],
      addresses: ['192.0.2.7', '10.0.0.0/8', '2001:db8::/32'],
    })
    const page = async (q: string, offset = 0, limit = 10) =>
      (await keys.list({ q, offset, limit })).map(({ name }) => name)
    const all = await page('')
    t.strictSame(all.toSorted(), ['bound', 'setup', 'short'])
    t.strictSame(await page('', 1, 1), all.slice(1, 2))
    for (const [q, names] of [
      ['SETUP', ['setup']],
      ['registration_off', ['setup']],
      ['10.0.0.0/8', ['bound']],
      [short.id, ['short']],
      ['%', []],
    ] as const) {
      t.strictSame(await page(q), names, q)
      t.equal(await keys.count({ q }), names.length)
    }
    t.equal(await keys.count({}), 3)
    const from = (address: string | undefined) =>
      keys.authenticate(`X-Road-ApiKey token=${bound.secret}`, address)
    for (const address of ['192.0.2.7', '::ffff:192.0.2.7', '10.255.0.1', '2001:db8:1::7'])
      t.match(await from(address), { name: 'bound' }, address)
    for (const address of [
      undefined,
      '',
      '192.0.2.8',
      '11.0.0.1',
      '2001:db9::1',
      '::ffff:11.0.0.1',
      'x',
      '10.0.0.1 ',
    ])
      await t.rejects(from(address), { code: 'unauthorized' }, `${address}`)
    const places = [
      '',
      'x',
      '10.0.0.0/33',
      '10.0.0.0/0',
      '::/129',
      '::ffff:10.0.0.1',
      '10.0.0',
      '10.0.0.1 ',
      '10.0.0.0/-1',
      'a'.repeat(5000),
    ]
    for (const place of places)
      await t.rejects(
        keys.create({ name: 'wrong', roles: ['x'], addresses: [place] }),
        { code: 'invalid_input' },
        place,
      )
    const many = Array.from({ length: 51 }, (_, at) => `10.0.0.${at}`)
    await t.rejects(keys.create({ name: 'many', roles: ['x'], addresses: many }), { code: 'invalid_input' })
    t.match(
      (await keys.list()).find(({ name }) => name === 'bound'),
      { addresses: ['192.0.2.7', '10.0.0.0/8', '2001:db8::/32'] },
    )
    await keys.revoke(key.id)
    await t.rejects(keys.authenticate(header), { code: 'unauthorized' })
    await t.rejects(keys.revoke(key.id), { code: 'not_found' })
    const listed = new Map((await keys.list()).map((one) => [one.name, one.revokedAt]))
    t.match(listed.get('setup'), /2026/)
    t.equal(listed.get('short'), null)
    await t.rejects(keys.create({ name: 'no roles', roles: [] }), { code: 'invalid_input' })
  }),
)

t.test('health: reasons, cached a second, never hanging', async (t) => {
  let now = 0
  let asked = 0
  let ok = false
  const health = createHealth({ clock: () => now })
  health.add('log', () => {
    asked++
    return ok ? { ok } : { ok, reason: 'the disk is full' }
  })
  t.match(await health.report(), {
    ready: false,
    checks: [{ name: 'log', ok: false, reason: 'the disk is full' }],
  })
  ok = true
  t.match(await health.report(), { ready: false })
  t.equal(asked, 1)
  const metrics = createMetrics()
  health.tell(metrics)
  const scraped = (): Promise<string> => metrics.registry.metrics()
  now += 1000
  t.match(await scraped(), /^concordat_ready\{check="log"\} 0$/m)
  t.equal(asked, 1, 'a scrape takes what a balancer has just asked')
  t.match(await health.report(), { ready: true })
  now += 10_000
  t.match(await scraped(), /^concordat_ready\{check="log"\} 1$/m)
  t.equal(asked, 3, 'or asks itself')
  health.add('throws', () => Promise.reject(new Fault('token_not_active')))
  t.match(await health.report(), { ready: false, checks: [{}, { reason: /token is locked/ }] })
  health.add('throws at once', () => {
    throw new Fault('logging_failed')
  })
  t.match(await health.report(), { ready: false, checks: [{}, {}, { reason: /message log/ }] })
  health.add('hangs', () => new Promise(() => undefined))
  t.match((await health.report()).checks.at(-1), { reason: 'the check did not end in time' })
  health.drain()
  t.match((await health.report()).checks[0], { reason: 'it is shutting down' })
})

t.test('health: a process that stood still waits for what came meanwhile', async (t) => {
  const health = createHealth()
  health.add('file', async () => {
    await nextTurn()
    // Longer than a check may take; the answer is read in a later turn than the timers.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2300)
    await readFile(import.meta.filename)
    return { ok: true }
  })
  t.match(await health.report(), { ready: true })
})

t.test('metrics: own registry, process values', async (t) => {
  const metrics = createMetrics()
  createMetrics()
  metrics.counter('exchanges_total', 'Exchanges', ['outcome']).inc({ outcome: 'ok' })
  metrics.histogram('exchange_seconds', 'Time').observe(0.02)
  let states: [string, number][] | Error = [
    ['good', 1],
    ['bad', 2],
  ]
  metrics.watch('age_seconds', 'Age', () => 7)
  let known = true
  metrics.watch('oldest_seconds', 'Oldest', () => {
    if (known) return 3
    throw new Error('nobody knows')
  })
  metrics.watch('states', 'States', 'state', async () => {
    if (states instanceof Error) throw states
    return states
  })
  const text = await metrics.registry.metrics()
  t.match(text, /age_seconds 7/)
  t.match(text, /oldest_seconds 3/)
  t.match(text, /states{state="good"} 1\nstates{state="bad"} 2/)
  states = new Error('the database is away')
  known = false
  const without = await metrics.registry.metrics()
  t.notMatch(without, /states{/)
  t.notMatch(without, /oldest_seconds \d/)
  t.match(without, /age_seconds 7/, 'the others are there')
  t.match(text, /exchanges_total{outcome="ok"} 1/)
  t.match(text, /process_resident_memory_bytes [1-9]/)
  t.match(text, /exchange_seconds_bucket{le="0.025"} 1/)
})

t.test('process: one ready line, a drain on each signal, a reason when it cannot start', async (t) => {
  const run = (start: string): { child: ChildProcess; said: () => string; ended: Promise<unknown> } => {
    const code = `
      import { runProcess } from '#platform/process/run-process.ts'
      import { createLog } from '#platform/logging/create-log.ts'
      import { Fault } from '#schemas/fault.ts'
      const alive = setInterval(() => undefined, 1000)
      const log = createLog({ name: 'x', level: 'silent' })
      await runProcess({ name: 'x', log, start: async () => { ${start} } })`
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    let text = ''
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (data: Buffer) => (text += data.toString()))
    return { child, said: () => text, ended: new Promise((resolve) => child.once('close', resolve)) }
  }
  const ready = ({ child }: { child: ChildProcess }): Promise<unknown> =>
    new Promise((resolve) => child.once('message', resolve))
  const drains =
    "return { ready: 'http://a', stop: async () => { process.stdout.write('drained'); clearInterval(alive) } }"
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const one = run(drains)
    await ready(one)
    one.child.kill(signal)
    t.equal(await one.ended, 0, signal)
    t.equal(one.said(), 'x is ready: http://a\ndrained')
  }
  const orphan = run(drains)
  await ready(orphan)
  orphan.child.disconnect()
  // Node emits no 'close' after a disconnect from this side.
  t.strictSame(await once(orphan.child, 'exit'), [0, null], 'the parent is gone')
  const stuck = run('return { stop: () => new Promise(() => undefined) }')
  await ready(stuck)
  stuck.child.kill('SIGTERM')
  stuck.child.kill('SIGINT')
  t.equal(await stuck.ended, 1, 'a second signal ends at once')
  const wrong = run("throw new Fault('invalid_configuration', { what: 'a.yaml:1:1: port' })")
  t.equal(await wrong.ended, 2)
  t.match(wrong.said(), /^x cannot start: The configuration file is not valid \(a.yaml:1:1: port\).*\n$/)
  const failed = run("throw new Error('address in use')")
  t.equal(await failed.ended, 1)
  t.match(failed.said(), 'x cannot start: address in use\n')
})
