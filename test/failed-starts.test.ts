/**
 * Programs whose start fails late, when much of it is open already: each says why in one line and ends with
 * its exit code, and nothing of it stays, so that the next start, without the cause, is an ordinary one.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t, { type Test } from 'tap'
import { stringify } from 'yaml'
import { RULE } from '#adapters/life-events/life-events-fixture.ts'
import { writeAnchor } from '#core/configuration/anchor.ts'
import { concordatProgram } from '#test/concordat-program.ts'
import { createConfigurationSigner } from '#test/fakes/configuration-signer.ts'
import { tlsIdentity } from '#test/fakes/xroad-management.ts'
import { freePort, holdPort } from '#test/free-port.ts'
import { until } from '#test/until.ts'

const SECRET = '5a'.repeat(32)
/** What a program leaves behind that did not close what it had opened. */
const REMAINS = /-wal$|-shm$|-journal$|lock|socket|\.part$|\.tmp$/

type Place = {
  folder: string
  ports: number[]
  file(name: string, content: string | Buffer, mode?: number): void
}
type Start = {
  /** What fails, and late. */
  what: string
  words: string[]
  /** How it is called where it says that it cannot start. */
  name: string
  settings(place: Place): object
  /** Makes the start fail; returns what takes that back. */
  breaks(place: Place): Promise<() => unknown>
  code: 1 | 2
  says: RegExp
}

const takePort = async ({ ports }: Place): Promise<() => Promise<void>> => holdPort(ports[0]!)
const PORT_IS_TAKEN = { breaks: takePort, code: 1, says: /EADDRINUSE.*:\d+$/ } as const
const KEY_IS_OPEN = {
  breaks: async ({ folder }: Place) => {
    chmodSync(path.join(folder, 'late.key'), 0o644)
    return () => chmodSync(path.join(folder, 'late.key'), 0o600)
  },
  code: 2,
  says: /the secret file \S+late\.key can be read by others: chmod 600/,
} as const
const { cert, key } = tlsIdentity('localhost')
const OTHER_KEY = {
  namedCurve: 'P-256',
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
} as const

const trustServices = (late: object) => ({
  ...{ words: ['trust-services'], name: 'trust-services' },
  settings: ({ ports: [late_, ...others], file }: Place) => {
    file('late.key', '{"people":[],"clients":[]}')
    const [caPort, ocspPort, tsaPort] = others
    return {
      ...{ instance: 'DEV', directory: 'state', caPort, ocspPort, tsaPort },
      ...{ openIdPort: late_, openIdFile: 'late.key' },
    }
  },
  ...late,
})
const holder = (listen: (place: Place) => object) => ({
  ...{ words: ['subject-keys'], name: 'subject-keys' },
  settings: (place: Place) => {
    for (const [at, name] of ['index.key', 'search.key'].entries()) place.file(name, SECRET + at)
    return {
      ...{ server: 'DEV/GOV/1001/SS1', directory: 'keys', indexKeyFile: 'index.key' },
      ...{ database: `sqlite:${place.folder}/keys.db`, searchKeyFile: 'search.key' },
      ...listen(place),
    }
  },
})
const events = {
  ...{ words: ['adapter', 'events'], name: 'events-adapter' },
  settings: ({ ports: [port, broker], file }: Place) => {
    file('late.key', 'password')
    return {
      monitoring: { port },
      securityServer: { url: `http://127.0.0.1:${broker}`, client: 'DEV/GOV/1002/tax' },
      broker: {
        ...{ kind: 'nats', urls: [`nats://127.0.0.1:${broker}`], name: 'late' },
        ...{ user: 'concordat', passwordFile: 'late.key' },
      },
      receive: [{ name: 'births', inbox: 'DEV/GOV/1002/tax/births', to: 'population.born' }],
    }
  },
}

const lifeEvents = {
  ...{ words: ['life-events'], name: 'life-events-adapter' },
  settings: ({ folder, ports: [port, monitoring, server], file }: Place) => {
    file('late.key', key)
    file('own.pem', cert)
    file('offers.key', SECRET)
    const tls = { certificateFile: 'own.pem', keyFile: 'late.key', clientCertificateFile: 'own.pem' }
    return {
      ...{ listen: { port, ...tls }, monitoring: { port: monitoring } },
      service: { code: 'offers', title: 'Offers' },
      ...{ databaseFile: path.join(folder, 'offers.db'), keyFile: 'offers.key' },
      securityServer: { url: `http://127.0.0.1:${server}`, client: 'DEV/GOV/1004/benefits' },
      ...{ inboxes: ['DEV/GOV/1004/benefits/events'], languages: ['en', 'et'] },
      ...{ person: { pattern: '^(P[0-9]{8})$' }, rules: [RULE] },
    }
  },
}

const proxy = {
  ...{ words: ['configuration-proxy'], name: 'configuration-proxy' },
  settings: ({ ports: [port, monitoring], file }: Place) => {
    file('pin', '1234')
    const { certificate } = createConfigurationSigner('of an anchor')
    const sources = [{ downloadUrl: 'http://127.0.0.1:9/internalconf', verificationCerts: [certificate] }]
    file('anchor.xml', writeAnchor({ generatedAt: new Date(), instance: 'DEV', sources }))
    return {
      ...{ directory: 'state', pinFile: 'pin', publicUrl: `http://127.0.0.1:${port}` },
      ...{ public: { port }, monitoring: { port: monitoring } },
      instances: [{ name: 'zone', anchorFile: 'anchor.xml' }],
    }
  },
}

const STARTS: Start[] = [
  { what: 'trust services, a port', ...trustServices({}), ...PORT_IS_TAKEN },
  { what: 'trust services, a file of accounts', ...trustServices({}), ...KEY_IS_OPEN },
  {
    what: 'the holder of subject keys, the folder of its socket',
    ...holder(({ folder }) => ({ socket: path.join(folder, 'run/answers') })),
    breaks:
      async ({ folder }) =>
      () =>
        mkdirSync(path.join(folder, 'run')),
    ...{ code: 1, says: /ENOENT|EACCES/ },
  },
  {
    what: 'the holder of subject keys, the key of its listener',
    ...holder(({ ports: [port], file }) => {
      file('late.key', key)
      file('own.pem', cert)
      return {
        listen: { port, certificateFile: 'own.pem', keyFile: 'late.key', clientCertificateFile: 'own.pem' },
      }
    }),
    ...KEY_IS_OPEN,
  },
  { what: 'a configuration proxy, a port', ...proxy, ...PORT_IS_TAKEN },
  { what: 'the events adapter, a port', ...events, ...PORT_IS_TAKEN },
  { what: 'the events adapter, a password', ...events, ...KEY_IS_OPEN },
  { what: 'life events, a port', ...lifeEvents, ...PORT_IS_TAKEN },
  {
    ...{ what: 'life events, the key of another certificate', ...lifeEvents },
    breaks: async ({ file }) => {
      file('late.key', generateKeyPairSync('ec', OTHER_KEY).privateKey)
      return () => file('late.key', key)
    },
    ...{ code: 1, says: /key values mismatch/ },
  },
]

for (const one of STARTS)
  void t.test(`${one.what}: the start ends with a line, and leaves nothing`, async (t) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'concordat-starts-'))
    t.teardown(() => rmSync(folder, { recursive: true, force: true }))
    const ports = [await freePort(), await freePort(), await freePort(), await freePort()]
    const place: Place = {
      ...{ folder, ports },
      file: (name, content, mode = 0o600) => writeFileSync(path.join(folder, name), content, { mode }),
    }
    place.file('settings.yaml', stringify(one.settings(place)))
    const mend = await one.breaks(place)
    const failed = start(t, one, folder)
    t.equal(await failed.code, one.code)
    const [line, ...more] = failed.said.stderr.trimEnd().split('\n')
    t.match(line, new RegExp(`^${one.name} cannot start: `))
    t.match(line, one.says)
    t.strictSame(more, [])
    t.notMatch(failed.said.stdout, / is ready/)
    t.throws(() => process.kill(-failed.pid, 0), { code: 'ESRCH' }, 'no process of it')
    const left = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    t.strictSame(
      left.filter((name) => REMAINS.test(name)),
      [],
    )
    await mend()
    for (const port of ports) await (await holdPort(port))()
    const next = start(t, one, folder)
    const all = (): string => next.said.stdout + next.said.stderr
    await until('the next start ends', (saw) => / is ready| cannot start/.test(saw(all())))
    t.match(all(), `${one.name} is ready`)
    process.kill(next.pid, 'SIGTERM')
    t.equal(await next.code, 0)
  })

/** A place among a container's own files, which no test makes. */
const OWN_FILES = '/nowhere/kept'
const IN_CONTAINER: {
  program: Pick<Start, 'words' | 'name' | 'settings'>
  kept: object
  words?: string[]
}[] = [
  { program: proxy, kept: { directory: OWN_FILES } },
  { program: proxy, kept: { directory: OWN_FILES }, words: ['configuration-proxy', 'keys'] },
  { program: lifeEvents, kept: { databaseFile: OWN_FILES } },
  {
    program: lifeEvents,
    kept: { databaseFile: OWN_FILES },
    words: ['life-events', 'letters', '--output', 'letters'],
  },
]

for (const { program, kept, words = program.words } of IN_CONTAINER)
  void t.test(
    `in a container of the image, ${words.join(' ')} keeps nothing that ends with it`,
    async (t) => {
      const folder = mkdtempSync(path.join(tmpdir(), 'concordat-starts-'))
      t.teardown(() => rmSync(folder, { recursive: true, force: true }))
      const place: Place = {
        ...{ folder, ports: [1, 2, 3, 4] },
        file: (name, content, mode = 0o600) => writeFileSync(path.join(folder, name), content, { mode }),
      }
      place.file('settings.yaml', stringify({ ...program.settings(place), ...kept }))
      const { code, said } = start(t, { words }, folder, { IN_CONCORDAT_IMAGE: '1' })
      t.equal(await code, 2)
      t.match(
        said.stderr,
        /\/nowhere\/kept is among the container's own files, which end with it: mount a volume/,
      )
    },
  )

/** In a group of its own, by which whatever it started is found. */
function start(
  t: Test,
  { words }: Pick<Start, 'words'>,
  folder: string,
  environment: NodeJS.ProcessEnv = {},
) {
  const child: ChildProcess = spawn(
    concordatProgram(),
    [...words, '--configuration', path.join(folder, 'settings.yaml')],
    { stdio: ['ignore', 'pipe', 'pipe'], detached: true, env: { ...process.env, ...environment } },
  )
  t.teardown(() => child.kill('SIGKILL'))
  const said = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream]!.on('data', (chunk: Buffer) => {
      said[stream] += chunk.toString()
    })
  return { said, pid: child.pid!, code: once(child, 'close').then(([code]) => code as number) }
}
