/**
 * The Debian package under a systemd of its own, in namespaces over a copy of this machine's files that ends
 * with them: dpkg installs it, and the hardened unit runs a security server of two workers. A worker is
 * killed, the supervisor is killed, also while a worker hangs: both work again, and nothing is left over. Its
 * settings come late: it works once they are there. The unit is stopped several times, and each time all have
 * drained. The holder of subject keys runs with the example of the package, as a user of its own: the
 * security server's user reaches its socket, and the portal's does not.
 *
 *   node test/drills/systemd.ts
 *
 * It needs root, overlayfs, cgroup2, unshare, nsenter, dpkg, systemd and PostgreSQL.
 */
import { execFile, execFileSync, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { startPostgresql } from '../postgresql.ts'
import { until } from '../until.ts'

const CONCORDAT = path.join(import.meta.dirname, '../../scripts/concordat')
const UNIT = 'concordat-security-server'
const HOLDER = 'concordat-subject-keys'
const STOPS = 6
const DEVICES = ['null', 'zero', 'full', 'random', 'urandom', 'tty', 'ptmx']
/** They would set up the machine, which is set up, or log what nobody reads. */
const MASKED = [
  ...['udevd', 'udev-trigger', 'journald', 'journal-flush', 'logind', 'tmpfiles-setup', 'tmpfiles-setup-dev'],
  ...['sysctl', 'modules-load', 'remount-fs', 'binfmt', 'random-seed', 'update-utmp', 'hwdb-update'],
]

/**
 * In namespaces of its own: $1 a folder, $2 the package, $3 the settings. A root that was only changed
 * (chroot) would forbid PrivateUsers.
 */
const BOOT = `set -e
mount --make-rprivate /
mkdir -p "$1/m" "$1/root" && mount -t tmpfs tmpfs "$1/m" && mkdir "$1/m/up" "$1/m/work"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/m/up,workdir=$1/m/work" "$1/root"
cd "$1/root"
mount -t proc proc proc && mount -t sysfs -o ro sysfs sys
mount -t tmpfs tmpfs sys/fs/cgroup && mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs run && mount -t tmpfs tmpfs tmp && mount -t tmpfs tmpfs dev
for one in ${DEVICES.join(' ')}; do touch "dev/$one"; mount --bind "/dev/$one" "dev/$one"; done
mkdir dev/shm dev/pts dev/mqueue && ln -s /proc/self/fd dev/fd && touch dev/console
cp "$2" tmp/package.deb && chroot . dpkg -i --force-depends /tmp/package.deb
cp "$3" etc/concordat/security-server.yaml && chroot . chown -R concordat:concordat /etc/concordat
cp opt/concordat/examples/subject-keys.yaml etc/${HOLDER}/
for one in index search tracker; do openssl rand -hex 32 >etc/${HOLDER}/$one.key; done
chmod 600 etc/${HOLDER}/*.key && chroot . chown -R ${HOLDER}:${HOLDER} /etc/${HOLDER}
for one in ${MASKED.join(' ')}; do ln -sf /dev/null "etc/systemd/system/systemd-$one.service"; done
mkdir -p "etc/systemd/system/${UNIT}.service.d"
printf '[Service]\\nStandardOutput=append:/var/log/concordat.log\\nStandardError=append:/var/log/concordat.log\\n' > etc/systemd/system/${UNIT}.service.d/log.conf
printf '[Unit]\\nRequires=${UNIT}.service\\nDefaultDependencies=no\\n' > etc/systemd/system/drill.target
mkdir -p before && pivot_root . before && umount -l /before
exec env -i container=drill PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --unit=drill.target`

// The database's server comes from the tests, whose harness gives a file half a minute.
t.setTimeout(0)
const closing: (() => unknown)[] = []
process.exitCode = 1
try {
  const wrong = await drill()
  for (const one of wrong) say(`WRONG: ${one}`)
  say(wrong.length === 0 ? 'All came back, all drained.' : 'It did not hold.')
  process.exitCode = wrong.length === 0 ? 0 : 1
} finally {
  for (const close of closing.toReversed()) await close()
}

function say(text: string): void {
  process.stderr.write(`${text}\n`)
}

/** Returns what did not hold. */
async function drill(): Promise<string[]> {
  const wrong: string[] = []
  const { address, inside } = await boot()
  const show = (...names: string[]): string =>
    inside('systemctl', 'show', ...names.map((name) => `--property=${name}`), '--value', UNIT)
      .trim()
      .split('\n')
      .join(' ')
  /** By the supervisor's namespace of processes. */
  const processes = (): number[] =>
    inside('sh', '-c', 'pgrep -u concordat || true').trim().split('\n').filter(Boolean).map(Number)
  const supervisor = (): number => Number(show('MainPID'))
  const workers = (): number[] => processes().filter((pid) => pid !== supervisor())
  const untilBoth = (without: number[]): Promise<unknown> =>
    until('two workers', async (saw) => {
      const answer = await fetch(`http://${address}:4000/health/ready`).catch(() => undefined)
      const { checks } = ((await answer?.json()) ?? { checks: [] }) as {
        checks: { name: string; ok: boolean; reason?: string }[]
      }
      const one = saw(checks.find(({ name }) => name === 'workers'))
      const now = processes()
      return one?.ok === true && one.reason === undefined && !without.some((pid) => now.includes(pid))
    })
  const kill = (signal: string, pid: number): string => inside('kill', `-${signal}`, String(pid))

  await untilBoth([])
  const status = inside('grep', '-hE', 'Seccomp:|CapBnd:|NoNewPrivs:', `/proc/${workers()[0]}/status`)
  say(`a worker has ${status.replaceAll(/\s+/g, ' ')}`)
  if (!/Seccomp:\s+2/.test(status)) wrong.push('a worker runs without the filter of system calls')

  inside('systemctl', 'start', HOLDER)
  const answersTo = (user: string): boolean => {
    const program = `require('http').get({ socketPath: '/run/${HOLDER}/socket', path: '/health/live' }, (one) => process.exit(one.statusCode === 200 ? 0 : 3)).on('error', () => process.exit(4))`
    try {
      inside('runuser', '-u', user, '--', '/opt/concordat/bin/node', '--eval', program)
      return true
    } catch {
      return false
    }
  }
  await until('the holder of subject keys', (saw) => saw(answersTo('concordat')))
  if (answersTo('concordat-portal')) wrong.push('the portal reaches the subject keys')
  const group = inside('getent', 'group', HOLDER).split(':')[2]!
  const groups = inside('grep', 'Groups:', `/proc/${workers()[0]}/status`).trim().split(/\s+/)
  if (!groups.includes(group)) wrong.push('the security server is not of the group of the subject keys')
  say('the holder of subject keys runs with its example')

  const [one] = workers()
  kill('KILL', one!)
  await untilBoth([one!])
  say('a worker was killed')

  const before = processes()
  kill('KILL', supervisor())
  await untilBoth(before)
  say('the supervisor was killed')

  const hung = processes()
  kill('STOP', workers()[0]!)
  kill('KILL', supervisor())
  await untilBoth(hung)
  say('the supervisor was killed while a worker hung')

  const settings = '/etc/concordat/security-server.yaml'
  inside('systemctl', 'stop', UNIT)
  inside('mv', settings, `${settings}.late`)
  inside('systemctl', 'start', UNIT)
  await until('a second try', (saw) => Number(saw(show('NRestarts'))) > 0)
  inside('mv', `${settings}.late`, settings)
  await untilBoth([])
  say('its settings came late')

  for (let stop = 0; stop < STOPS; stop++) {
    inside('systemctl', 'stop', UNIT)
    const how = show('Result', 'ExecMainStatus')
    if (how !== 'success 0') wrong.push(`stopped: ${how}`)
    if (processes().length > 0) wrong.push('a process is left over')
    inside('systemctl', 'start', UNIT)
    await untilBoth([])
  }
  say(`stopped ${STOPS} times`)
  return wrong
}

/** Resolves when systemd takes commands. */
async function boot(): Promise<{ address: string; inside(...words: string[]): string }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-systemd-'))
  closing.push(() => rmSync(folder, { recursive: true, force: true }))
  const network = `127.${randomInt(10, 250)}.${randomInt(1, 250)}`
  const [address, databases] = [`${network}.1`, `${network}.2`]
  const postgresql = await startPostgresql([`listen_addresses=${databases}`], {
    teardown: (close) => void closing.push(close as () => unknown),
  })
  const database = async (): Promise<string> =>
    `postgres://postgres@${databases}${new URL(await postgresql.freshDatabase()).pathname}`
  const directory = '/var/lib/concordat/security-server'
  const settings = path.join(folder, 'settings.yaml')
  writeFileSync(
    settings,
    JSON.stringify({
      ...{ server: 'DEV/GOV/1000/ss1', directory, workers: 2 },
      ...{ database: await database(), messageLogDatabase: await database() },
      nodes: { clusterKeyFile: `${directory}/cluster-key` },
      peers: { address },
      admin: { address, port: 4000, initialApiKeyFile: `${directory}/key` },
    }),
  )
  const words = ['package', 'debian', '--output', folder, '--compression', '1']
  const { stdout } = await promisify(execFile)(CONCORDAT, words)
  say('the package is made')
  const spaces = ['--mount', '--pid', '--fork', '--uts', '--ipc', '--cgroup']
  const shell = ['sh', '-c', BOOT, 'sh', folder, stdout.trim(), settings]
  const child = spawn('unshare', [...spaces, ...shell], { stdio: ['ignore', 'ignore', 'inherit'] })
  const first = (): string =>
    readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ')[0] ?? ''
  closing.push(() => {
    // With the first process of a namespace all others of it end.
    if (child.exitCode === null && first() !== '') process.kill(Number(first()), 'SIGKILL')
  })
  const inside = (...command: string[]): string =>
    execFileSync('nsenter', ['-t', first(), '-m', '-p', '-u', '-i', '-C', '-r', '-w', ...command], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
  await until('systemd', async () => {
    try {
      return inside('systemctl', 'show', '--property=Version').startsWith('Version')
    } catch {
      return child.exitCode !== null
    }
  })
  if (child.exitCode !== null) throw new Error('systemd did not start')
  return { address, inside }
}
