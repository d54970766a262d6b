/**
 * The image in podman, by the commands of docs/packages.md and by the example for compose: it is loaded;
 * without a volume, on one that cannot be written and as root nothing starts; a server of the example becomes
 * healthy, answers through its published port, drains when it is stopped, and has its keys when it comes
 * back.
 *
 *   node test/drills/image.ts
 *
 * It needs root, unshare, nsenter, and Debian's podman, crun, netavark, iptables and podman-compose.
 */
import { execFile, execFileSync, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import https from 'node:https'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { parse } from 'yaml'
import { VERSION } from '#platform/process/version.ts'
import { until } from '../until.ts'

const ROOT = path.join(import.meta.dirname, '../..')
const IMAGE = `concordat:${VERSION}`
const USER = 10001
const ADDRESS = `127.${randomInt(10, 250)}.${randomInt(1, 250)}.1`
const CONTAINER = 'agency_security-server_1'
/**
 * crun takes a machine with both kinds of control groups for a mistake: what it starts sees those of version
 * 1 alone.
 */
const HOST = 'umount /sys/fs/cgroup/unified 2>/dev/null; echo ready; exec sleep infinity'
/** As the documents have it. */
const RUN = ['run', '--rm', '--read-only', '--cap-drop', 'all']
const run = promisify(execFile)

const folder = mkdtempSync(path.join(tmpdir(), 'concordat-image-'))
const host = spawn('unshare', ['--mount', 'sh', '-c', HOST], { stdio: ['ignore', 'pipe', 'ignore'] })
await once(host.stdout, 'data')
const environment = { ...process.env, ...engineSettings() }
// `until` comes from the tests, whose harness gives a file half a minute.
t.setTimeout(0)
process.exitCode = 1
try {
  const wrong = await drill()
  for (const one of wrong) say(`WRONG: ${one}`)
  say(wrong.length === 0 ? 'The image runs as the documents say.' : 'It did not hold.')
  process.exitCode = wrong.length === 0 ? 0 : 1
} finally {
  await engine(['podman', 'rm', '--all', '--force', '--time', '5']).catch(() => undefined)
  await engine(['podman', 'system', 'reset', '--force']).catch(() => undefined)
  host.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
}

/** Returns what did not hold. */
async function drill(): Promise<string[]> {
  const wrong: string[] = []
  const expect = (holds: boolean, what: string): void => {
    say(`${holds ? 'ok   ' : 'WRONG'} ${what}`)
    if (!holds) wrong.push(what)
  }
  const output = path.join(folder, 'packages')
  await run(path.join(ROOT, 'scripts/concordat'), ['package', 'image', '--output', output])
  const file = path.join(output, `concordat-${VERSION}.oci.tar`)
  const { stdout: loaded } = await engine(['podman', 'load', '--input', file])
  expect(loaded.includes(`/${IMAGE}`), `podman load: ${loaded.trim()}`)
  const { stdout: version } = await engine(['podman', ...RUN, IMAGE, '--version'])
  expect(version.includes(VERSION), version.trim())

  const settings = path.join(folder, 'settings')
  writeSettings(settings)
  const words = [IMAGE, 'security-server', '--configuration', '/etc/concordat/security-server.yaml']
  const volume = ['--volume', `${settings}:/etc/concordat:ro`]
  const refusals = [
    { name: 'no volume', options: [], code: 2, says: /mount a volume there/ },
    {
      name: 'no volume, and a root that can be written',
      options: ['--read-only=false'],
      ...{ code: 2, says: /mount a volume there/ },
    },
    {
      name: 'a volume that cannot be written',
      options: ['--volume', 'state:/var/lib/concordat:ro'],
      ...{ code: 2, says: /cannot be locked: EROFS/ },
    },
    {
      name: 'as root',
      options: ['--volume', 'state:/var/lib/concordat', '--user', '0'],
      ...{ code: 2, says: /cannot be locked: EACCES/ },
    },
  ]
  for (const { name, options, code, says } of refusals) {
    const ended = await endOf(['podman', ...RUN, ...volume, ...options, ...words])
    expect(ended.code === code && says.test(ended.said), `${name}: ${ended.code}, ${lastLine(ended.said)}`)
  }

  const compose = ['podman-compose', '--project-name', 'agency', '--file', composeFile()]
  await engine([...compose, 'up', '--detach'])
  // podman-compose 1.0.3 asks for a shell to run it, of which the image has none.
  const health = healthCheck()
  await until('the server is healthy', async (saw) => {
    const ended = await endOf(['podman', 'exec', CONTAINER, ...health])
    return saw(ended).code === 0
  })
  const key = await readKey()
  expect((await ask(key)) === 200, 'it answers, and knows its first key')
  const { stdout: inside } = await engine(['podman', 'top', CONTAINER, 'huser', 'capeff', 'args'])
  expect(inside.includes(`${USER}`) && /none/.test(inside), `runs as ${inside.split('\n')[1]}`)
  await engine(['podman', 'stop', '--time', '90', CONTAINER])
  const { stdout: state } = await engine(['podman', 'inspect', '--format', '{{.State.ExitCode}}', CONTAINER])
  const { stdout: log } = await engine(['podman', 'logs', CONTAINER])
  expect(state.trim() === '0' && log.includes('"stopped"'), `it drains: exit code ${state.trim()}`)
  await engine([...compose, 'down'])
  await engine([...compose, 'up', '--detach'])
  await until('it is back', async (saw) => saw(await ask(key)) === 200)
  expect(true, 'a new container on the same volume knows the key of before')
  await engine([...compose, 'down'])
  return wrong
}

/** The example, with this machine's addresses and folder. */
function composeFile(): string {
  const example = readFileSync(path.join(ROOT, 'docs/examples/compose.yaml'), 'utf8')
  const file = path.join(folder, 'compose.yaml')
  const own = example.replaceAll('10.0.0.20', ADDRESS)
  writeFileSync(file, own.replace('- 5500:', `- ${ADDRESS}:5500:`).replace('- 5577:', `- ${ADDRESS}:5577:`))
  return file
}

function healthCheck(): string[] {
  const { services } = parse(readFileSync(path.join(ROOT, 'docs/examples/compose.yaml'), 'utf8')) as {
    services: Record<string, { healthcheck: { test: string[] } }>
  }
  return services['security-server']!.healthcheck.test.slice(1)
}

function writeSettings(directory: string): void {
  mkdirSync(path.join(directory, 'secrets'), { recursive: true })
  const files = ['-keyout', path.join(directory, 'secrets/key'), '-out', path.join(directory, 'pem')]
  const subject = ['-subj', '/CN=agency', '-newkey', 'rsa:2048', '-nodes']
  execFileSync('openssl', ['req', '-x509', ...subject, ...files], { stdio: 'ignore' })
  writeFileSync(path.join(directory, 'secrets/pin'), 'Some-PIN-1234', { mode: 0o600 })
  writeFileSync(
    path.join(directory, 'security-server.yaml'),
    JSON.stringify({
      ...{ server: 'DEV/GOV/1000/SS1', directory: '/var/lib/concordat' },
      database: 'sqlite:/var/lib/concordat/server.db',
      messageLogDatabase: 'sqlite:/var/lib/concordat/message-log.db',
      pinFile: '/etc/concordat/secrets/pin',
      peers: { address: '0.0.0.0' },
      admin: {
        ...{ address: '0.0.0.0', port: 4000, initialApiKeyFile: '/var/lib/concordat/key' },
        ...{ certificateFile: '/etc/concordat/pem', keyFile: '/etc/concordat/secrets/key' },
      },
    }),
  )
  const all = readdirSync(directory, { recursive: true, encoding: 'utf8' })
  for (const one of ['', ...all]) chownSync(path.join(directory, one), USER, USER)
}

async function readKey(): Promise<string> {
  const program = `process.stdout.write(require('fs').readFileSync('/var/lib/concordat/key'))`
  const { stdout } = await engine(['podman', 'exec', CONTAINER, '/opt/concordat/bin/node', '--eval', program])
  return stdout.trim()
}

/** In the network of the container. */
async function ask(key: string): Promise<number | undefined> {
  const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}'
  const { stdout } = await engine(['podman', 'inspect', '--format', format, CONTAINER])
  const options = { rejectUnauthorized: false, headers: { Authorization: `X-Road-ApiKey token=${key}` } }
  const request = https.get(`https://${stdout.trim()}:4000/api/v1/system/certificate`, options)
  try {
    const [answer] = (await once(request, 'response')) as [import('node:http').IncomingMessage]
    answer.resume()
    return answer.statusCode
  } catch {
    return undefined
  }
}

/** Storage of its own, and limits that this machine allows. */
function engineSettings(): NodeJS.ProcessEnv {
  const storage = path.join(folder, 'storage.conf')
  const engine = path.join(folder, 'containers.conf')
  const [at, running] = ['containers', 'running'].map((name) => path.join(folder, name))
  writeFileSync(storage, `[storage]\ndriver = "overlay"\ngraphroot = "${at}"\nrunroot = "${running}"\n`)
  const limits = '["nofile=4096:4096", "nproc=1024:1024"]'
  writeFileSync(
    engine,
    `[containers]\ndefault_ulimits = ${limits}\n[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\nruntime = "crun"\n[network]\nnetwork_backend = "netavark"\nnetwork_config_dir = "${path.join(folder, 'networks')}"\n`,
  )
  return { CONTAINERS_STORAGE_CONF: storage, CONTAINERS_CONF: engine }
}

/** All commands have one view of the mounts, among which are the networks of containers. */
function inHost(): string[] {
  return [`--mount=/proc/${host.pid}/ns/mnt`, '--']
}

function engine(command: string[]): Promise<{ stdout: string; stderr: string }> {
  return run('nsenter', [...inHost(), ...command], { env: environment })
}

async function endOf(command: string[]): Promise<{ code: number | null; said: string }> {
  const child = spawn('nsenter', [...inHost(), ...command], { env: environment })
  const parts = Promise.all([child.stdout.toArray(), child.stderr.toArray()])
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, said: (await parts).flat().join('') }
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? ''
}

function say(text: string): void {
  process.stderr.write(`${text}\n`)
}
