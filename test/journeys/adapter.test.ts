/**
 * The guide docs/adapters.md as it is followed: the examples' table and files are registered by the command
 * line and read by another agency, through both security servers, the table over mutual TLS on the last way.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createHash, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'
import t from 'tap'
import { selfSignedCertificate } from '#security-server/keys/self-signed.ts'
import { certificatePem } from '#security-server/local-systems/view.ts'
import { shareWorld } from '../running-world.ts'
import { until } from '../until.ts'
import { ask, colons } from '../world.ts'

const ROOT = path.join(import.meta.dirname, '../..')
const CONCORDAT = path.join(ROOT, 'scripts/concordat')
const EXAMPLE = path.join(ROOT, 'docs/examples/sql-adapter.yaml')

const folder = mkdtempSync(path.join(tmpdir(), 'concordat-adapter-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const world = await shareWorld()
const { population, tax } = world.servers
const CLIENT = { 'X-Road-Client': tax.client }
const SERVICE = `/r1/${population.client}/parcels`
const address = world.address(40)

const database = new DatabaseSync(path.join(folder, 'land.db'))
database.exec(readFileSync(path.join(ROOT, 'docs/examples/parcels.sql'), 'utf8'))
database.close()
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const names = { hostName: 'adapter', ipAddresses: [address] }
const file = (name: string): string => path.join(folder, name)
writeFileSync(
  file('adapter.pem'),
  certificatePem(selfSignedCertificate({ privateKey, names, at: new Date() })),
)
writeFileSync(file('adapter.key'), privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 })
const shown = new X509Certificate(await world.admin.population.bytes('/system/certificate/export'))
writeFileSync(file('server.pem'), shown.toString())

/** What the guide's reader would change in the example. */
const environment = {
  ...process.env,
  SQL_ADAPTER_DATABASE_FILE: file('land.db'),
  SQL_ADAPTER_LISTEN_ADDRESS: address,
  SQL_ADAPTER_MONITORING_ADDRESS: address,
  SQL_ADAPTER_LISTEN_CERTIFICATE_FILE: file('adapter.pem'),
  SQL_ADAPTER_LISTEN_KEY_FILE: file('adapter.key'),
  SQL_ADAPTER_LISTEN_CLIENT_CERTIFICATE_FILE: file('server.pem'),
  CONCORDAT_SERVER_URL: population.adminUrl,
  CONCORDAT_SERVER_KEY_FILE: population.apiKeyFile,
}
const concordat = async (...args: string[]): Promise<string> =>
  (await promisify(execFile)(CONCORDAT, args, { env: environment })).stdout

let child: ChildProcess
async function startAdapterProcess(): Promise<void> {
  child = spawn(CONCORDAT, ['adapter', 'sql', '--configuration', EXAMPLE], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: environment,
  })
  const started = child
  await new Promise<void>((resolve, reject) => {
    started.once('message', () => resolve())
    started.once('exit', (code) => reject(new Error(`the adapter ended with ${code}`)))
  })
}
const ended = (): Promise<number | null> => new Promise((resolve) => void child.once('exit', resolve))
t.teardown(() => void child?.kill('SIGKILL'))

const register = (...more: string[]): Promise<string> =>
  concordat(
    'adapter',
    'sql',
    'register',
    '--configuration',
    EXAMPLE,
    '--client',
    colons(population.client),
    ...more,
  )
const askTax = (target: string) => world.ask('tax', SERVICE + target, { headers: CLIENT })

t.test('a table becomes a service that another agency reads', async (t) => {
  await startAdapterProcess()
  t.match(await register(), /service parcels of .* was made[\s\S]*switched off/)
  const said = await register('--enable')
  t.match(said, /has the document of these settings[\s\S]*It is enabled/)
  t.notMatch(await register('--enable'), /enabled|trusts/, 'once more changes nothing')
  const [, id = ''] = /add-access-right (\d+)/.exec(said) ?? []
  const service = await world.admin.population.get<{
    url: string
    endpoints: { method: string; path: string }[]
  }>(`/services/${id}`)
  t.equal(service.url, `https://${address}:9443`)
  const paths = service.endpoints.filter(({ method }) => method === 'GET').map((one) => one.path)
  t.strictSame(paths.sort(), ['/owners/*/area', '/parcels', '/parcels/*'])

  t.equal((await askTax('/parcels/001-0001')).status, 500, 'nobody has a right yet')
  await concordat(
    'server',
    'add-access-right',
    id,
    '--subjectType',
    'SUBSYSTEM',
    '--subjectId',
    colons(tax.client),
  )
  const one = await until('the right to be known', async (saw) => {
    const reply = await askTax('/parcels/001-0001')
    return saw(reply.status) === 200 && reply
  })
  t.strictSame(one.json(), {
    ...{ number: '001-0001', owner: 'P00000007', area: 1200, use: 'residential', registered: '2019-04-01' },
  })
  t.ok(one.headers['x-road-id'])
  const first = (await askTax('/parcels?owner=P00000007&order=-area&limit=1')).json() as {
    items: object[]
    next: string
  }
  t.match(first.items, [{ number: '001-0002', area: 56000 }])
  const second = (await askTax(`/parcels${first.next}`)).json() as { next?: string }
  t.match(second, { items: [{ number: '001-0001' }] })
  t.notOk(second.next)
  t.strictSame((await askTax('/owners/P00000007/area')).json(), {
    owner: 'P00000007',
    area: 57200,
    parcels: 2,
  })
  const wrong = await askTax("/parcels?owner='%20or%201=1")
  t.equal(wrong.status, 400)
  t.match(wrong.json(), { type: 'invalid_input' })
  t.notMatch(readFileSync(EXAMPLE, 'utf8'), /column: note/)
})

t.test('nobody but the security server is let in, and the adapter ends cleanly', async (t) => {
  await t.rejects(ask(`https://${address}:9443`, '/parcels/001-0001'))
  await t.rejects(ask(`https://${address}:9443`, '/parcels/001-0001', { certificate: world.systemOf('tax') }))
  const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ')
  t.ok(children.length >= 1, 'a process reads the file')
  const isGone = (pid: string): boolean => {
    try {
      return !process.kill(Number(pid), 0)
    } catch {
      return true
    }
  }
  const over = ended()
  child.kill('SIGTERM')
  t.equal(await over, 0)
  for (const pid of children) t.ok(await until(`the end of ${pid}`, () => isGone(pid)))
  t.match((await askTax('/parcels/001-0001')).json(), { type: /service_failed$/ })

  await startAdapterProcess()
  t.equal((await askTax('/parcels/001-0001')).status, 200, 'and again')
  const [reader = ''] = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')
    .trim()
    .split(' ')
  t.notOk(isGone(reader))
  child.kill('SIGKILL')
  t.ok(await until('the end of the reading process with its adapter', () => isGone(reader)))
})

t.test('files become a service that another agency reads, row by row and as they are', async (t) => {
  const example = path.join(ROOT, 'docs/examples/file-adapter.yaml')
  const content = 'valuuta;nimetus;kurss\nUSD;US dollar;1,0837\nSEK;Swedish krona;11,4\n'
  mkdirSync(file('rates'))
  writeFileSync(file('rates/rates-2026-11-02.csv'), content)
  const at = world.address(41)
  const env = {
    ...environment,
    FILE_ADAPTER_SOURCE_FOLDER: file('rates'),
    FILE_ADAPTER_LISTEN_ADDRESS: at,
    FILE_ADAPTER_MONITORING_ADDRESS: at,
  }
  const adapter = spawn(CONCORDAT, ['adapter', 'file', '--configuration', example], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env,
  })
  t.teardown(() => void adapter.kill('SIGKILL'))
  const over = new Promise((resolve) => void adapter.once('exit', resolve))
  await new Promise<void>((resolve) => void adapter.once('message', () => resolve()))
  const told = ['adapter', 'file', 'register', '--configuration', example]
  const made = await promisify(execFile)(
    CONCORDAT,
    [...told, '--client', colons(population.client), '--enable'],
    { env },
  )
  const [, id = ''] = /add-access-right (\d+)/.exec(made.stdout) ?? []
  const right = ['--subjectType', 'SUBSYSTEM', '--subjectId', colons(tax.client)]
  await concordat('server', 'add-access-right', id, ...right)
  const read = (target: string) =>
    world.ask('tax', `/r1/${population.client}/rates${target}`, { headers: CLIENT })
  const one = await until('the right to be known', async (saw) => {
    const reply = await read('/rates/2026-11-02/USD')
    return saw(reply.status) === 200 && reply
  })
  t.strictSame(one.json(), { currency: 'USD', name: 'US dollar', rate: 1.0837 })
  t.match((await read('/files')).json(), { items: [{ name: 'rates-2026-11-02.csv', size: content.length }] })
  const whole = await read('/files/rates-2026-11-02.csv')
  t.equal(whole.body.toString(), content)
  const digest = createHash('sha256').update(content).digest('base64')
  t.match(whole.headers, { 'content-type': 'text/csv', 'content-digest': `sha-256=:${digest}:` })
  t.not((await read('/files/..%2frates-2026-11-02.csv')).status, 200)
  adapter.kill('SIGTERM')
  t.equal(await over, 0)
})
