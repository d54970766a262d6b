import { execFile } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { chmodSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { registryMigrations } from '#central-registry/features.ts'
import { migrate } from '#platform/database/migrate.ts'
import { openDatabase } from '#platform/database/open-database.ts'
import { serverMigrations } from '#security-server/features.ts'
import { selfSignedCertificate } from '#security-server/keys/self-signed.ts'
import { certificatePem } from '#security-server/local-systems/view.ts'
import { skipFor } from '#test/outside-tools.ts'
import { hasPostgresql, postgresql } from '#test/postgresql.ts'
import { until } from '#test/until.ts'
import { lookAtHealth } from './client.ts'
import { lookAtClock, ntpAddress } from './clock.ts'
import { speedOf } from './disk.ts'
import { lookAtFiles } from './files.ts'
import type { Finding } from './finding.ts'
import { judgePostgresql, lookAtDatabase } from './look-store.ts'
import { memoryOf, nodeOf } from './machine.ts'
import { lookAtNames, lookAtPort } from './network.ts'
import { lookAtNewPin } from './new-pin.ts'
import { portsIn, textsIn } from './settings.ts'
import { lookAtWorkers, memoryFor } from './workers.ts'

const CONCORDAT = path.join(import.meta.dirname, '../concordat')
const DAY_MS = 86_400_000

type Said = { name: string; well?: boolean; found: string; todo?: string }

async function doctor(...words: string[]): Promise<{ code: number; findings: Said[]; text: string }> {
  const { stdout, code } = await promisify(execFile)(CONCORDAT, ['doctor', ...words]).then(
    ({ stdout }) => ({ stdout, code: 0 }),
    ({ stdout, code }: { stdout: string; code: number }) => ({ stdout, code }),
  )
  const findings = words.includes('--json') ? (JSON.parse(stdout) as Said[]) : []
  return { code, findings, text: stdout }
}

void t.test('a machine for a configuration proxy, with everything wrong and then right', async (t) => {
  const folder = t.testdir({ 'proxy.yaml': 'x', pin: '1234', 'anchor.xml': '<x/>' })
  const held = createServer((_request, response) => void response.end())
  await new Promise<void>((resolve) => void held.listen(0, '127.0.0.1', resolve))
  t.teardown(() => held.close())
  const { port } = held.address() as AddressInfo
  const file = path.join(folder, 'proxy.yaml')
  const settings = (name: string): string =>
    `directory: state\npinFile: pin\npublicUrl: https://${name}:8002\n` +
    `public: { address: 127.0.0.1, port: ${port} }\nmonitoring: { address: 127.0.0.1, port: 1 }\n` +
    'instances:\n  - { name: zone, anchorFile: anchor.xml }\n'
  writeFileSync(file, settings('nobody.invalid'))
  writeFileSync(path.join(folder, 'pin'), '1234', { mode: 0o644 })
  const words = ['configuration-proxy', '--configuration', file, '--json']
  const wrong = await doctor(...words)
  t.equal(wrong.code, 1)
  const of = (name: string): Said | undefined => wrong.findings.find((one) => one.name === name)
  t.match(of('pinFile'), { well: false, found: /can be read by others/, todo: /mode 0600/ })
  t.match(of('public.port'), { well: false, found: /EADDRINUSE/, todo: /--running/ })
  t.match(of('instances.0.anchorFile, content'), { well: false, found: /no configuration anchor/ })
  t.match(of('publicUrl, name'), { well: false, found: /nobody\.invalid is not found/ })
  t.match(of('directory, room'), { found: /GiB are free/ })
  t.match(of('directory, speed'), { found: /a durable write takes/ })
  t.notOk(
    readdirSync(folder).some((name) => name.startsWith('.concordat-doctor')),
    'nothing is left behind',
  )

  writeFileSync(file, settings('localhost'))
  const secret = path.join(folder, 'secret')
  writeFileSync(secret, '1234', { mode: 0o600 })
  writeFileSync(file, settings('localhost').replace('pinFile: pin', 'pinFile: secret'))
  const right = await doctor(...words, '--running')
  const still = right.findings.filter((one) => one.well === false).map(({ name }) => name)
  // The tests may run as root, on a slow disk; the other port is free.
  t.strictSame(
    still.filter((name) => !/^user$|room|speed|memory/.test(name)),
    ['instances.0.anchorFile, content', 'monitoring.port', 'health'],
  )
  t.equal(statSync(secret).mode & 0o777, 0o600)

  writeFileSync(file, 'nonsense: 1')
  const { code, text } = await doctor('configuration-proxy', '--configuration', file)
  t.equal(code, 1)
  t.match(text, /to do +settings: .*proxy\.yaml:1.*\n +correct the file/)
  for (const usage of [['nonsense'], ['security-server'], ['--configuration', file]])
    t.equal((await doctor(...usage)).code, 2, usage.join(' '))
})

void t.test('a PIN that the policy refuses, before the token is made', async (t) => {
  const directory = t.testdir({ weak: 'only small', strong: 'Small, LARGE and 1', keys: {} })
  const at = (name: string): string => path.join(directory, name)
  for (const name of ['weak', 'strong']) chmodSync(at(name), 0o600)
  const pinPolicy = { minLength: 8, classes: 3 }
  const look = (name: string, more = {}) => lookAtNewPin({ directory, pinFile: at(name), pinPolicy, ...more })
  t.match(await look('weak'), [{ name: 'pinFile, content', well: false, found: /at least 3 of/ }])
  t.same(await look('strong'), [])
  t.same(await look('missing'), [], 'which is told among the files')
  t.same(await look('weak', { nodes: {} }), [], 'the token of other nodes may be older than the policy')
  writeFileSync(at('keys/token.json'), '{}')
  t.same(await look('weak'), [], 'it is the PIN of the token that is there')
})

void t.test('the clock against a server of NTP, and against an answer of the source', async (t) => {
  const source = await startTimeServer(t)
  /**
   * What stands still between the answer and the look at the own clock is half of it an error, or takes
   * longer than is waited for an answer.
   */
  const look = (q: Parameters<typeof lookAtClock>[0], found: RegExp) =>
    until('a look that nothing held up', async (saw) => {
      const one = saw(await lookAtClock(q))
      return found.test(one.found) && one
    })
  t.match(await look({ source: source.host }, /^0\.\d s (ahead of|behind)/), { well: true })
  source.errorMs = 60_000
  const late = await look({ source: source.host }, /^(59|60)\.\d s behind/)
  t.match(late, { well: false, todo: /synchronise/ })
  source.errorMs = Date.UTC(2036, 1, 8) - Date.now()
  await look({ source: source.host }, /^\d{9}\.\d s behind/)
  t.pass('the era after 2036')
  source.unsynchronised = true
  t.match(await look({ source: source.host }, /not synchronised/), { well: false })
  source.errorMs = undefined
  t.match(await lookAtClock({}), { well: undefined })
  t.match(await lookAtClock({ source: 'nobody.invalid' }), { well: false, found: /told no time/ })
  const http = createServer(({ url }, response) => {
    response.setHeader('date', new Date(Date.now() - 3_600_000).toUTCString())
    if (url === '/endless') response.write('x')
    else response.end()
  })
  await new Promise<void>((resolve) => void http.listen(0, '127.0.0.1', resolve))
  t.teardown(() => http.close())
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/internalconf`
  t.match(await look({ url }, /^3(599|600)\.\d s ahead/), { well: false })
  const endless = await Promise.race([
    look({ url: new URL('/endless', url).href }, /^3(599|600)\.\d s ahead/),
    setTimeout(30_000, undefined, { ref: false }),
  ])
  t.ok(endless, 'an answer that does not end holds nothing up')
})

void t.test('certificates that end, and do not fit their key', async (t) => {
  const folder = t.testdir()
  const write = (name: string, days: number): { certificateFile: string; keyFile: string } => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const [certificateFile, keyFile] = [path.join(folder, `${name}.pem`), path.join(folder, `${name}.key`)]
    // Its certificates hold for a fixed time; the day of their making decides.
    const names = { hostName: `${name}.example`, ipAddresses: [] }
    const at = new Date(Date.now() - days * DAY_MS)
    writeFileSync(certificateFile, certificatePem(selfSignedCertificate({ privateKey, names, at })))
    writeFileSync(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
    return { certificateFile, keyFile }
  }
  const [fresh, old, early] = [write('fresh', 1), write('old', 40 * 365), write('early', -5)]
  const look = (value: object) => lookAtFiles(textsIn(value))
  t.ok((await look(fresh)).every((one) => one.well))
  t.match(await look({ admin: old }), [
    { name: 'admin.certificateFile', well: false, found: /has ended/ },
    { well: true },
  ])
  t.match(await look(early), [{ well: false, found: /it holds from/ }, { well: true }])
  const mixed = { certificateFile: fresh.certificateFile, keyFile: old.keyFile }
  t.match(await look(mixed), [{ well: false, todo: /the key that belongs to it/ }, { well: true }])
  t.match(await look({ certificateFile: fresh.keyFile }), [{ well: false, todo: /give a PEM certificate/ }])
  t.match(await look({ policyFile: path.join(folder, 'none') }), [{ well: false, found: /ENOENT/ }])
})

void t.test('databases', async (t) => {
  const facts = {
    ...{ version: 150_004, text: '15.4', fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on' },
    ...{ encoding: 'UTF8', connections: 100, standby: false, creates: true, seconds: 1000 },
  }
  t.match(judgePostgresql('database', facts, 1_000_000), [{ well: true, found: 'PostgreSQL 15.4' }])
  const bad = { ...facts, version: 120_001, fsync: 'off', encoding: 'SQL_ASCII', connections: 10, seconds: 0 }
  t.strictSame(
    judgePostgresql('database', bad, 1_000_000).map((one) => [one.name, one.well]),
    ['database', 'database, fsync', 'database, encoding', 'database, max_connections', 'database, clock'].map(
      (name) => [name, false],
    ),
  )
  t.match(judgePostgresql('database', { ...facts, standby: true, creates: false }, 1_000_000), [
    { well: true },
    { name: 'database, role', well: false, todo: /primary/ },
  ])
  t.match(judgePostgresql('database', { ...facts, creates: false }, 1_000_000)[1], { todo: /owner/ })
  const away = await lookAtDatabase('security-server', {
    name: 'database',
    value: 'postgres://nobody@127.0.0.1:1/none',
  })
  t.match(away, [{ well: false, todo: /pg_hba/ }])
  await t.test('a real one', async (t) => {
    if (!hasPostgresql()) return skipFor(t, 'PostgreSQL is not installed')
    const value = await (await postgresql()).freshDatabase()
    const look = async (): Promise<Finding[]> =>
      lookAtDatabase('central-registry', { name: 'database', value })
    const [first, ...more] = await look()
    t.match(first, { well: true, found: /^PostgreSQL \d+/ })
    t.match(more.at(-1), { name: 'database, tables', well: true, found: /none yet/ })
    t.notOk(more.some(({ name }) => /role|rights/.test(name)))
    const database = await openDatabase(value)
    await migrate(database, registryMigrations)
    t.match((await look()).at(-1), { well: true, found: /of this version/ })
    await migrate(database, { ...registryMigrations, 'z-newer': { up: async () => {} } })
    await database.close()
    t.match((await look()).at(-1), { well: false, found: /newer version/ })
  })
  await t.test('an embedded one', async (t) => {
    const folder = t.testdir({})
    const value = `sqlite:${path.join(folder, 'server.db')}`
    const look = async (): Promise<unknown> =>
      (await lookAtDatabase('security-server', { name: 'database', value })).find(({ name }) =>
        /tables$/.test(name),
      )
    t.equal(await look(), undefined)
    t.strictSame(readdirSync(folder), [], 'it makes no database')
    const database = await openDatabase(value)
    await migrate(database, serverMigrations)
    await database.close()
    t.match(await look(), { well: true, found: /of this version/ })
    writeFileSync(path.join(folder, 'server.db'), 'no database')
    const broken = await lookAtDatabase('security-server', { name: 'database', value })
    t.match(broken.at(-1), { well: false, todo: /owner/ })
  })
})

void t.test('what is judged by a number', async (t) => {
  t.match(nodeOf('20.1.0'), { well: false, todo: /Node 26/ })
  t.strictSame(ntpAddress('2001:db8::1'), { host: '2001:db8::1', port: 123, family: 'udp6' })
  t.strictSame(ntpAddress('[::1]:1123'), { host: '::1', port: 1123, family: 'udp6' })
  t.strictSame(ntpAddress('ntp.example:5'), { host: 'ntp.example', port: 5, family: 'udp4' })
  t.match(memoryOf(2 ** 28), { well: false, found: '256 MiB' })
  const has = { cores: 4, bytes: 2 ** 31 }
  t.same(lookAtWorkers({ workers: 1 }, has), [])
  t.match(lookAtWorkers({ workers: 4 }, has), [{ well: true, found: '4 on 4 cores and 2048 MiB' }])
  t.match(lookAtWorkers({ workers: 5 }, has), [{ well: false, todo: /lower workers to 4/ }])
  t.match(lookAtWorkers({ workers: 4 }, { cores: 4, bytes: 2 ** 30 }), [{ well: false, todo: /1792 MiB/ }])
  t.strictSame([memoryFor(8, 2), memoryFor(8, 0), memoryFor(8, 2 ** 64)], [2, 8, 8], 'as a container may use')
  t.match(speedOf('directory', 80), { well: false, found: /80\.0 ms/ })
  t.strictSame(
    portsIn({ peers: { address: '192.0.2.1', messagePort: 5500, ocspPort: 5577 }, admin: { port: 1 } }),
    [
      { name: 'peers.messagePort', address: '192.0.2.1', port: 5500 },
      { name: 'peers.ocspPort', address: '192.0.2.1', port: 5577 },
    ],
  )
  t.match(await lookAtPort({ name: 'p', address: '192.0.2.1', port: 5500 }, false), {
    found: /EADDRNOTAVAIL/,
  })
  t.match(await lookAtNames([{ name: 'url', value: 'http://[::1]:1/' }]), [{ well: true }])
})

void t.test('what a running server says of itself', async (t) => {
  let answer =
    '{"ready":false,"checks":[{"name":"keys","ok":false,"reason":"the token is locked"},{"name":"jobs","ok":true}]}'
  const server = createServer((_request, response) => void response.end(answer))
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const admin = { address: '127.0.0.1', port: (server.address() as AddressInfo).port }
  t.match(await lookAtHealth({ admin }), [
    { name: 'health', well: true, found: '1 of 2 checks are well' },
    { name: 'health, keys', well: false, found: 'the token is locked' },
  ])
  answer = '<html>'
  t.match(await lookAtHealth({ admin }), [{ name: 'health', well: false, found: /no answer/ }])
  await new Promise((resolve) => server.close(resolve))
  t.match(await lookAtHealth({ monitoring: admin }), [{ well: false, found: /ECONNREFUSED/ }])
  t.strictSame(await lookAtHealth({}), [])
})

/** Answers questions of NTP with a time that is `errorMs` ahead. */
type TimeServer = { host: string; errorMs: number | undefined; unsynchronised?: boolean }

async function startTimeServer(t: Test): Promise<TimeServer> {
  const source: TimeServer = { host: '', errorMs: 0 }
  const socket = createSocket('udp4')
  socket.on('message', (question, { port, address }) => {
    const seconds = (Date.now() + (source.errorMs ?? 0)) / 1000 + 2_208_988_800
    const answer = Buffer.alloc(48)
    answer[0] = source.unsynchronised === true ? 0xe4 : 0x24
    answer[1] = 2
    question.copy(answer, 24, 40, 48)
    answer.writeUInt32BE(Math.floor(seconds) % 2 ** 32, 40)
    answer.writeUInt32BE(Math.floor((seconds % 1) * 2 ** 32), 44)
    // What is cut off, or says nothing, is no answer.
    socket.send(Buffer.alloc(7), port, address)
    socket.send(Buffer.alloc(48), port, address)
    const forged = Buffer.from(answer)
    forged.fill(1, 24, 48)
    socket.send(forged, port, address)
    socket.send(answer, port, address)
  })
  await new Promise<void>((resolve) => void socket.bind(0, '127.0.0.1', resolve))
  t.teardown(() => socket.close())
  source.host = `127.0.0.1:${socket.address().port}`
  return source
}
