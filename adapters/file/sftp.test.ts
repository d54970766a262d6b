/**
 * SFTP: only a known server is told anything, a server that hangs or lies is held, and the adapter finds its
 * way back.
 */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { emptyFolder, startAdapter } from '#adapters/kit/kit-fixture.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { skipFor } from '#test/outside-tools.ts'
import { hasSshd, startSshd } from '#test/sshd.ts'
import { until } from '#test/until.ts'
import { fileAdapter } from './adapter.ts'
import { sftpSource } from './files-fixture.ts'
import { startHostileSftp } from './hostile-sftp-fixture.ts'
import { openPlaces } from './messages/places.ts'
import type { SourceSettings } from './settings.ts'

const resources = [
  { path: '/a', file: 'a.csv', format: { kind: 'csv' }, fields: { name: { type: 'string' } } },
]
const common = {
  ...{ resources, complete: { by: 'rename' } },
  files: { list: true, read: true, names: '[^]*' },
}

t.test('OpenSSH', async (t) => {
  if (!hasSshd()) return skipFor(t, "OpenSSH's server is not installed")
  const folder = emptyFolder(t)
  writeFileSync(path.join(folder, 'a.csv'), 'name\na\n')
  const server = await startSshd(t)
  const source = sftpSource(server, folder)

  await t.test('another key than the known one', async (t) => {
    const other = `SHA256:${'a'.repeat(43)}`
    const { ask, monitor, lines } = await startAdapter(t, fileAdapter, {
      settings: { ...common, source: { ...source, hostKeys: [other] } },
    })
    const refused = {
      status: 503,
      body: { type: 'source_unavailable', message: /another key than source.hostKeys/ },
    }
    t.match(await ask('/a'), refused)
    t.match(await ask('/a'), refused, 'and the pause has the same reason')
    t.match(await monitor('/health/ready'), { status: 503, text: /another key/ })
    t.ok(lines.some((line) => line.includes(`"shown":"${server.hostKey}"`)))
    const two = await startAdapter(t, fileAdapter, {
      settings: { ...common, source: { ...source, hostKeys: [other, server.hostKey] } },
    })
    t.match(await two.ask('/a'), { status: 200 })
  })

  await t.test('a server that comes back as another', async (t) => {
    const { ask } = await startAdapter(t, fileAdapter, { settings: { ...common, source } })
    t.match(await ask('/a'), { status: 200 })
    await server.crash()
    await server.start('other-key')
    await until('a refusal', async (saw) => /another key/.test(saw(await ask('/a')).text))
    await server.crash()
    await server.start()
    await until('the server again', async (saw) => saw(await ask('/a')).status === 200)
  })

  await t.test('a server that does not move', async (t) => {
    const { ask } = await startAdapter(t, fileAdapter, {
      settings: { ...common, source, limits: { readMs: 500 } },
    })
    await until('an answer', async (saw) => saw(await ask('/a')).status === 200)
    await server.freeze()
    t.match(await ask('/a'), { status: 504, body: { type: 'source_timeout' } })
    server.thaw()
    await until('an answer again', async (saw) => saw(await ask('/a')).status === 200)
  })

  await t.test('a directory that is not there', async (t) => {
    const { ask } = await startAdapter(t, fileAdapter, {
      settings: { ...common, source: { ...source, directory: `${folder}/none` } },
    })
    for (const address of ['/a', '/files', '/files/a'])
      t.match(await ask(address), { status: 503, body: { message: /directory is not there/ } })
  })

  await t.test('secrets that are none', async (t) => {
    const file = path.join(emptyFolder(t), 'key')
    for (const [content, mode, what] of [
      ['no key', 0o600, /no private key/],
      ['no key', 0o644, /can be read by others/],
    ] as const) {
      writeFileSync(`${file}.${mode}`, content, { mode })
      const settings = { ...common, source: { ...source, keyFile: `${file}.${mode}` } }
      await t.rejects(startAdapter(t, fileAdapter, { settings }), { code: 'invalid_configuration', what })
    }
  })
})

t.test('a server that lies', async (t) => {
  const [user, password] = ['reader', 'SECRET-password']
  const server = await startHostileSftp(t, { user, password })
  const passwordFile = path.join(emptyFolder(t), 'password')
  writeFileSync(passwordFile, password, { mode: 0o600 })
  const { host, port, hostKey, lies } = server
  const source = {
    ...{ kind: 'sftp', directory: '/in', host, port, user, passwordFile },
    hostKeys: [hostKey],
  }
  const settings = { ...common, source, limits: { files: 1000, readMs: 60_000 } }
  /** For when it says nothing; at all other times a busy machine needs longer. */
  const hasty = { ...settings, limits: { ...settings.limits, readMs: 2000 } }
  const { ask, lines, monitor } = await startAdapter(t, fileAdapter, { settings })

  lies.names = [
    '../up',
    '/etc/passwd',
    'a/b',
    '..',
    '.',
    '.hidden',
    'a\u0000',
    'a\nb',
    'link',
    'ok',
    'ok',
    '\u202ea',
  ]
  t.match((await ask('/files')).body, { items: [{ name: 'ok', size: 10 }] })
  t.equal(((await ask('/files')).body as { items: unknown[] }).items.length, 1)
  lies.isEndless = true
  t.match(await ask('/files'), { status: 502, body: { message: /more than 1000 entries/ } })
  lies.isEndless = false

  t.match(await ask('/a'), { status: 503, body: { type: 'file_changing' } }, 'it ends before its end')
  lies.give = (length) => Buffer.alloc(length + 10, 'x')
  t.match(await ask('/a'), { status: 502, body: { message: /no column name/ } }, 'more than was asked')
  lies.size = 9
  lies.give = () => Buffer.from('n')
  t.match(await ask('/a'), { status: 502, body: { message: /no column name/ } }, 'byte by byte')
  lies.give = () => Buffer.alloc(0)
  lies.size = 11
  t.match(await ask('/a'), { status: 503, body: { type: 'file_changing' } }, 'nothing, for ever')
  lies.size = 2 ** 52
  t.match(await ask('/a'), { status: 502, body: { message: /larger than 67108864/ } })
  lies.mode = 0o120777
  for (const mode of [0o120777, 0o40755, 0o20644, 0o10644]) {
    lies.mode = mode
    t.match(await ask('/files/ok'), { status: 404 }, mode.toString(8))
  }
  delete lies.mode
  lies.size = 5
  lies.give = () => Buffer.from('name\n')
  t.strictSame((await ask('/a')).body, { items: [] }, 'and an honest answer is one')
  const impatient = await startAdapter(t, fileAdapter, { settings: hasty })
  await until('an answer in time', async (saw) => saw(await impatient.ask('/a')).status === 200)
  lies.isSilent = true
  t.match(await impatient.ask('/a'), { status: 504, body: { type: 'source_timeout' } })
  lies.isSilent = false
  t.match(await ask('/a'), { status: 200 })
  t.match(await monitor('/health/ready'), { status: 200 })
  const asked = server.asked.filter((one) => !one.startsWith('lstat') && !one.includes(` of ${user}`))
  t.strictSame(
    [...new Set(asked)].sort(),
    ['close', 'open /in/a.csv to read'],
    'nothing but reading was asked of it',
  )

  await t.test('a server that lets in and then does nothing', async (t) => {
    lies.isDeaf = true
    const deaf = await startAdapter(t, fileAdapter, { settings: hasty })
    t.match(await deaf.monitor('/health/ready'), { status: 503 })
    lies.isDeaf = false
    await until('an answer', async (saw) => saw(await deaf.ask('/a')).status === 200)
  })

  await t.test('a file whose writing fails is not left open', async (t) => {
    const places = await openPlaces(
      source as SourceSettings,
      1000,
      createLog({ name: 'test', level: 'silent' }),
    )
    t.teardown(() => places.close())
    const before = server.asked.length
    lies.isFull = true
    await t.rejects(places.put('/in', 'a.json', Buffer.from('{}')), { message: /failure/i }, 'a full disk')
    lies.isFull = false
    await t.rejects(
      places.put('/in', 'a.json', Buffer.from('{}')),
      { message: /does not support/ },
      'no durable writing',
    )
    const asked = server.asked.slice(before).filter((one) => !one.includes(` of ${user}`))
    t.strictSame(
      asked.map((one) => one.replace(/[0-9a-f]{32}/, 'DIGEST')),
      ['open /in/.DIGEST.part 26', 'close', 'open /in/.DIGEST.part 26', 'close'],
      'each is closed, and none has its name',
    )
  })

  await t.test('a wrong password is not tried at every request', async (t) => {
    writeFileSync(`${passwordFile}2`, 'other', { mode: 0o600 })
    const wrong = await startAdapter(t, fileAdapter, {
      settings: { ...settings, source: { ...source, passwordFile: `${passwordFile}2` } },
    })
    const before = server.asked.length
    for (let at = 0; at < 20; at++)
      t.match(await wrong.ask('/a'), { status: 503, body: { type: 'source_unavailable' } })
    const tries = server.asked.slice(before).filter((one) => one.startsWith('password')).length
    t.ok(tries < 10, `${tries} tries for 20 requests`)
    t.notMatch(wrong.lines.join(''), /SECRET|"other"/)
  })
  t.notMatch(lines.join(''), /SECRET/)
})
