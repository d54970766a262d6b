import { execFile, spawn } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import t from 'tap'
import { request } from 'undici'
import { createAuthority } from '#certs/authority.ts'
import { readConfiguration } from '#platform/configuration/read-configuration.ts'
import { fillRegistry } from '#scripts/bench/registry/store.ts'
import { concordatProgram } from '#test/concordat-program.ts'
import { codeOf } from '#test/fakes/configuration-world.ts'
import { setUp } from '#test/fakes/registry-sample.ts'
import { registryWorld } from '#test/fakes/registry-world.ts'
import { freePort, holdPort } from '#test/free-port.ts'
import { until } from '#test/until.ts'
import { checkSettings, type Settings, settingsSchema } from './config.ts'

/** The names of a process's threads, as the operating system shows them. */
function threadsOf(pid: number): string[] {
  const tasks = `/proc/${pid}/task`
  return readdirSync(tasks).map((id) => {
    try {
      return readFileSync(`${tasks}/${id}/comm`, 'utf8').trim()
    } catch {
      return '' // It has ended meanwhile.
    }
  })
}

void t.test('settings that do not go together are refused', async (t) => {
  const world = registryWorld(t)
  const file = path.join(world.directory, 'registry.yaml')
  const codes = async (...lines: string[]): Promise<string> => {
    const fixed = ['directory: state', 'database: "sqlite:/x.db"', 'pinFile: pin']
    const given = lines.some((line) => line.startsWith('publicUrl'))
      ? lines
      : ['publicUrl: http://a:8001', ...lines]
    writeFileSync(file, [...fixed, ...given].join('\n'))
    return codeOf(async () => checkSettings(await readConfiguration<Settings>(file, settingsSchema, {}, 'X')))
  }
  t.equal(await codes(), 'accepted')
  t.equal(await codes('admin: {address: "::1"}'), 'accepted')
  const login = (more: object): string => {
    const paths = { clientSecretFile: 's', firstCodeFile: 'a', secondCodeFile: 'b' }
    const addresses = { issuer: 'https://login.example/tenant', baseUrl: 'https://registry.example:4000' }
    return `login: ${JSON.stringify({ clientId: 'c', contact: 'x', ...paths, ...addresses, ...more })}`
  }
  t.equal(await codes(login({})), 'accepted')
  t.equal(await codes(login({ issuer: 'http://127.0.0.1:3000', baseUrl: 'http://[::1]:4000' })), 'accepted')
  const passkeys = { rpId: 'example', days: 7 }
  t.equal(await codes(login({ passkeys: {} })), 'accepted')
  t.equal(await codes(login({ passkeys: { ...passkeys, rpId: 'registry.example' } })), 'accepted')
  const below = { baseUrl: 'https://registry.agency.example' }
  t.equal(await codes(login({ ...below, passkeys: { rpId: 'agency.example' } })), 'accepted')
  t.equal(await codes('admin: {address: 10.0.0.1, certificateFile: c.pem, keyFile: k.pem}'), 'accepted')
  const refused = [
    ['admin: {address: 0.0.0.0}'],
    ['admin: {address: 127.evil.example}'],
    ['admin: {certificateFile: c.pem}'],
    ['public: {keyFile: k.pem}'],
    ['configuration: {validitySeconds: 100, renewSeconds: 51}'],
    ['publicUrl: http://user:secret@a'],
    ['publicUrl: http://a/path'],
    ['publicUrl: ftp://a'],
    ['publicUrl: "http://a:99999"'],
    ['unknown: 1'],
    [login({ issuer: 'http://login.example' })],
    [login({ issuer: 'https://u:p@login.example' })],
    [login({ issuer: 'https://login.example/?x' })],
    [login({ issuer: 'nowhere' })],
    [login({ baseUrl: 'http://registry.example' })],
    [login({ baseUrl: 'https://registry.example/path' })],
    [login({ secondCodeFile: 'a' })],
    [login({ contact: '' })],
    [login({ passkeys })],
    [login({ passkeys: { rpId: 'evil.example' } })],
    [login({ ...below, passkeys: { rpId: 'ency.example' } })],
    [login({ baseUrl: 'https://10.0.0.1', passkeys: {} })],
    [login({ baseUrl: 'https://[::1]', passkeys: {} })],
    [login({ passkeys: { days: 0 } })],
    [login({ passkeys: { origin: 'https://x' } })],
    [login({ clientSecret: 'in the file' })],
    ['login: {issuer: "https://login.example"}'],
  ]
  for (const lines of refused) t.equal(await codes(...lines), 'invalid_configuration', lines.join())
})

void t.test("as a process: ready, drained on SIGTERM, an operator's key, clear refusals", async (t) => {
  const world = registryWorld(t)
  const at = (name: string): string => path.join(world.directory, name)
  const address = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`
  writeFileSync(at('pin'), '1234\n', { mode: 0o600 })
  writeFileSync(at('client-secret'), 'a secret\n', { mode: 0o600 })
  const login = {
    issuer: 'http://127.0.0.1:1',
    clientId: 'registry',
    clientSecretFile: 'client-secret',
    baseUrl: `http://${address}:4000`,
    contact: 'the operator',
    firstCodeFile: 'first.code',
    secondCodeFile: 'second.code',
  }
  const settings = [
    `login: ${JSON.stringify(login)}`,
    'directory: state',
    `database: "sqlite:${at('p.db')}"`,
    'pinFile: pin',
    `publicUrl: http://${address}:8001`,
    `public: {address: ${address}}`,
    `admin: {address: ${address}, initialApiKeyFile: first.key}`,
    'backups: {directory: backups, keyFile: backup-key}',
  ]
  writeFileSync(at('backup-key'), 'the key of the backups\n', { mode: 0o600 })
  writeFileSync(at('registry.yaml'), settings.join('\n'))
  const args = ['central-registry', '--configuration', at('registry.yaml')]
  const started = async (): Promise<{
    output: string
    stop(): Promise<number | null>
    kill(): Promise<unknown>
    isPreparing(): boolean
  }> => {
    const child = spawn(concordatProgram(), args, { stdio: ['ignore', 'pipe', 'pipe'] })
    // Not 'exit': what it said last may not have been read by then.
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
    t.teardown(() => child.kill('SIGKILL'))
    let output = ''
    await new Promise<void>((resolve) => {
      child.stderr.on('data', (chunk: Buffer) => {
        output += chunk.toString()
      })
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString()
        if (output.includes('central-registry is ready')) resolve()
      })
      void ended.then(() => resolve())
    })
    const stop = async (): Promise<number | null> => {
      child.kill('SIGTERM')
      return await ended
    }
    const kill = async (): Promise<unknown> => {
      child.kill('SIGKILL')
      return await ended
    }
    const isPreparing = (): boolean => {
      if (child.exitCode !== null) throw new Error(`the registry has ended: ${output}`)
      return threadsOf(child.pid!).includes('publication')
    }
    return { output, stop, kill, isPreparing }
  }
  const run = await started()
  t.match(run.output, `configuration at http://${address}:8001`)
  const key = readFileSync(at('first.key'), 'utf8').trim()
  const get = async (url: string, secret = key): Promise<number> =>
    (await request(url, { headers: { authorization: `X-Road-ApiKey token=${secret}` } })).statusCode
  t.equal(await get(`http://${address}:4000/api/v1/system`), 200)
  t.equal(await get(`http://${address}:4000/health/live`), 200)
  t.equal(await get(`http://${address}:4000/health/ready`), 503, 'nothing was published yet')
  t.equal(await get(`http://${address}:4000/login`), 502, 'it starts without its login provider')
  t.equal(statSync(at('second.code')).mode & 0o777, 0o600)
  const made = await promisify(execFile)(concordatProgram(), [...args, '--create-api-key', 'XROAD_AUDITOR'])
  t.equal(await get(`http://${address}:4000/api/v1/audit-log`, made.stdout.trim()), 200)
  t.equal(await get(`http://${address}:4000/api/v1/api-keys`, made.stdout.trim()), 403)
  // Fills the register until a thread prepares the publication, for the test below that kills the process.
  const must = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const reply = await request(`http://${address}:4000/api/v1${path}`, {
      method: method as 'GET',
      headers: {
        authorization: `X-Road-ApiKey token=${key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    })
    const text = await reply.body.text()
    if (reply.statusCode >= 300) throw new Error(`${method} ${path}: ${reply.statusCode} ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }
  const authority = await createAuthority({ clock: Date.now, instance: 'DEV' })
  await setUp({ must }, authority)
  await fillRegistry(
    `sqlite:${at('p.db')}`,
    { members: 3000, subsystems: 9000, servers: 50, contracts: 0 },
    () => ({
      sha256: randomBytes(32).toString('hex'),
      der: authority.root.der,
    }),
  )
  await must('POST', '/configuration/publish')
  const { name } = (await must('POST', '/backups')) as { name: string }
  const backup = path.join(at('backups'), name)
  // The rules are tested in platform/people/people.test.ts; this checks that the command reports the refusal
  // and exits.
  const reopened = promisify(execFile)(concordatProgram(), [...args, '--reopen-installation'])
  await t.rejects(reopened, { stderr: /the installation ceremony is not done/, code: 1 })
  t.equal(await run.stop(), 0)

  // After a kill during a publication, servers find one complete publication.
  let newest = 0
  for (const afterMs of [0, 150]) {
    const doomed = await started()
    let lost: Promise<unknown> | undefined
    // One that ends before a busy machine sees that it has begun is followed by another.
    const isPublishing = (): boolean => {
      lost ??= must('POST', '/configuration/publish')
        .catch(() => undefined)
        .finally(() => {
          lost = undefined
        })
      return doomed.isPreparing()
    }
    await until('the beginning of a publication', isPublishing, { pauseMs: 1 })
    await wait(afterMs)
    await doomed.kill()
    await lost
    const again = await started()
    const anchor = await request(`http://${address}:4000/api/v1/configuration/anchors/internal`, {
      headers: { authorization: `X-Road-ApiKey token=${key}` },
    })
    const server = await world.reader(Buffer.from(await anchor.body.arrayBuffer()))
    await server.refresh()
    t.equal(server.current().index.shared.members.length, 3001)
    const { index } = (await must('POST', '/configuration/publish')) as { index: number }
    t.ok(index > server.current().statementIndex! && index > newest)
    newest = index
    t.equal(await again.stop(), 0)
  }

  const refusal = async (): Promise<string> => {
    const { output, stop } = await started()
    await stop()
    return output
  }
  chmodSync(at('pin'), 0o644)
  t.match(await refusal(), /central-registry cannot start: .*chmod 600/)
  chmodSync(at('pin'), 0o600)
  chmodSync(at('client-secret'), 0o644)
  t.match(await refusal(), /central-registry cannot start: .*client-secret.*chmod 600/)
  chmodSync(at('client-secret'), 0o600)
  mkdirSync(at('state/signing-keys'), { recursive: true })
  writeFileSync(at('state/signing-keys/00000000-0000-4000-8000-000000000000.pem'), 'x')
  t.match(await refusal(), /central-registry cannot start: .*does not open the configuration signing key/)
  rmSync(at('state/signing-keys'), { recursive: true })
  // The rules are tested in features/restorations/; this checks the command, and that the process started
  // afterwards is closed.
  const restore = (): Promise<{ stdout: string }> =>
    promisify(execFile)(concordatProgram(), [...args, '--restore-backup', backup])
  await t.rejects(restore(), { stderr: /overwrites nothing/, code: 1 })
  writeFileSync(at('registry.yaml'), settings.join('\n').replace(at('p.db'), at('q.db')))
  t.match((await restore()).stdout, /restored what DEV was at .*until two administrators have accepted this/s)
  const restored = await started()
  const ready = await request(`http://${address}:4000/health/ready`)
  t.match(await ready.body.text(), /an older database was restored, at index/)
  const refusedPublish = must('POST', '/configuration/publish')
  await t.rejects(refusedPublish, { message: /registry_restored/ })
  t.equal(await restored.stop(), 0)
})

void t.test('a start that fails gives back its name, its database and its ports', async (t) => {
  const world = registryWorld(t)
  const [open, admin] = [await freePort(), await freePort()]
  const address = '127.0.0.1'
  const initialApiKeyFile = path.join(world.directory, 'first.key')
  const settings = {
    public: { address, port: open },
    admin: { address, port: admin, initialApiKeyFile },
    nodes: { clusterKeyFile: path.join(world.directory, 'cluster-key') },
  } as Partial<Settings>
  const giveBack = await holdPort(admin)
  await t.rejects(world.start({ settings }), { code: 'EADDRINUSE' })
  await (await holdPort(open))()
  await giveBack()
  const unread = { address, port: open, certificateFile: 'none', keyFile: 'none' }
  await t.rejects(world.start({ settings: { ...settings, admin: unread } }), /none/)
  await (await world.start({ settings })).stop()
})
