import { execFile, execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { parse } from 'yaml'
import { findProgram, skipFor } from '#test/outside-tools.ts'
import { chooseProgram } from '../command-line/choose-program.ts'
import { COMMANDS } from '../command-line/words.ts'
import { AFTER_INSTALLATION } from './debian-scripts.ts'
import { USERS, USERS_FILE, unitFiles } from './systemd-units.ts'

const ROOT = path.join(import.meta.dirname, '../..')
const run = promisify(execFile)
const folder = mkdtempSync(path.join(os.tmpdir(), 'concordat-units-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

type Settings = Record<string, string[]>

const services = unitFiles().flatMap(([name, content]) => {
  const settings: Settings = {}
  for (const line of content.split('\n')) {
    const [, key, value] = /^([A-Za-z]+)=(.*)$/.exec(line) ?? []
    if (key !== undefined) settings[key] = [...(settings[key] ?? []), value!]
  }
  const words = settings['ExecStart']?.[0]?.replace(/^.*\/installed\.js /, '').split(' ')
  return words === undefined ? [] : [{ name, content, settings, words }]
})

const foldersOf = ({ StateDirectory, RuntimeDirectory }: Settings): string[] => [
  ...(StateDirectory?.[0]?.split(' ') ?? []).map((one) => `/var/lib/${one}`),
  ...(RuntimeDirectory ?? []).map((one) => `/run/${one}`),
]

t.test('each unit runs a server', (t) => {
  const adapters = Object.keys(COMMANDS.adapter.words)
  for (const { name, words } of services) {
    for (const instance of name.includes('@') ? adapters.flatMap((kind) => [kind, `${kind}-land`]) : ['']) {
      const { program } = chooseProgram(words.map((word) => word.replaceAll('%i', instance)))
      t.not(program, 'scripts/concordat', `${name} ${instance}`)
      t.ok(existsSync(path.join(ROOT, `${program}.ts`)), program)
    }
  }
  t.end()
})

t.test('no end of a process keeps a server down', (t) => {
  const document = readFileSync(path.join(ROOT, 'docs/operating.md'), 'utf8')
  const [, byHand = ''] =
    /^(\[Unit\]\nDescription=Concordat security server\n.*?)^```$/ms.exec(document) ?? []
  const servers = services.filter(({ words }) => !words.includes('letters'))
  t.equal(servers.length, 9)
  for (const { name, content } of [...servers, { name: 'docs/operating.md', content: byHand }]) {
    const said = content.split('\n').filter((line) => /^(?:Restart|StartLimit|SuccessExit)/.test(line))
    // RestartSteps would count restarts of months: systemd never begins anew after a start that held.
    t.strictSame(said, ['StartLimitIntervalSec=0', 'Restart=always', 'RestartSec=5'], name)
  }
  t.end()
})

t.test('who breaks one program writes and reads nothing of another', (t) => {
  for (const { name, settings, words } of services) {
    const [user = ''] = settings['User']!
    t.strictSame(settings['Group'], [user])
    const file = words[words.indexOf('--configuration') + 1]!
    t.equal(path.dirname(file), `/etc/${user}`, name)
    for (const one of foldersOf(settings)) t.equal(one.split('/')[one.startsWith('/run') ? 2 : 3], user, name)
    if (user === 'concordat') t.match(name, /registry|security-server|proxy/)
    else t.match(name, user, 'a user of its own')
    t.match(USERS_FILE, `u ${user} - `)
  }
  t.end()
})

/** Names of settings whose file or folder a process makes. */
const MADE =
  /^(?:directory|database|messageLogDatabase|databaseFile|socket|initialApiKeyFile|claimCodeFile|firstCodeFile|secondCodeFile)$/

t.test('each example is settings with which its unit starts', (t) => {
  const fixed = services.filter(({ name }) => !name.includes('@') && !name.includes('letters'))
  for (const { name, settings, words } of fixed) {
    const file = words[words.indexOf('--configuration') + 1]!
    const text = readFileSync(path.join(ROOT, 'docs/examples', path.basename(file)), 'utf8')
    const own = [`${path.dirname(file)}/`, ...foldersOf(settings).map((one) => `${one}/`)]
    // Of others, with a group of their own.
    const sockets = ['/run/concordat-subject-keys/socket', '/run/concordat-token/socket']
    const named = [...text.matchAll(/\/(?:etc|var|run)\/[^\s?,'"})]+/g)].map(([one]) => one)
    const foreign = named.filter((one) => !sockets.includes(one) && !own.some((each) => one.startsWith(each)))
    t.strictSame(foreign, [], name)
    const made = madeIn(parse(text))
    const elsewhere = made.filter(
      (one) => !foldersOf(settings).some((each) => one.startsWith(`${each}/`)) && !sockets.includes(one),
    )
    t.strictSame(elsewhere, [], `${name} may write there`)
  }
  t.end()
})

function madeIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, one]) => {
    if (typeof one !== 'string') return madeIn(one)
    return MADE.test(key) && !/^postgres(ql)?:/.test(one) ? [one.replace(/^sqlite:/, '')] : []
  })
}

t.test('systemd gives a service little', async (t) => {
  if (findProgram(['systemd-analyze']) === undefined) return skipFor(t, 'systemd-analyze is missing')
  for (const { name, content } of services) {
    const file = path.join(folder, name)
    writeFileSync(file, content)
    const asked = run('systemd-analyze', ['security', '--offline=true', '--threshold=20', '--no-pager', file])
    await t.resolves(asked, `${name}: at most 2.0`)
  }
})

/**
 * In a namespace whose /etc, /var/lib and /run end with it: $1 a folder, $2 the script of the package, $3 the
 * users, $4 what is to be done.
 */
const MACHINE = `set -e
mount --make-rprivate /
mount -t tmpfs tmpfs "$1"
for one in etc var/lib; do
  mkdir -p "$1/$one/up" "$1/$one/work"
  mount -t overlay overlay -o "lowerdir=/$one,upperdir=$1/$one/up,workdir=$1/$one/work" "/$one"
done
mount -t tmpfs tmpfs /run
mkdir -p /etc/sysusers.d && cp "$3" /etc/sysusers.d/concordat.conf
. "$4"`

/** What services write, and what they may not, with owners, modes and times. */
const LISTED = `find /etc/concordat* /var/lib/concordat* /etc/given -printf '%p %y %U:%G %m %s %l %T@\\n' | sort`

/**
 * A first installation, then an upgrade on a machine where somebody has broken the security server, and where
 * a snapshot left all to concordat.
 */
const INSTALLED = `sh "$2" configure
find /etc/concordat* -type d -printf '%u %g %m %p\\n'
id -nG concordat
install -d /etc/given/secrets
install -d -o concordat -g concordat -m 0700 /var/lib/concordat
as() { runuser -u "$1" -- sh -c "umask 077 && $2"; }
as concordat 'cd /etc/concordat && rmdir secrets tls && ln -s /etc/given secrets && ln -s /etc/given/secrets tls'
as concordat 'cd /var/lib/concordat && mkdir adapter-sql && echo x >land.db && ln -s /etc/given subject-keys && ln -s /etc/given portal'
as concordat 'cd /etc/concordat && echo pin >pin && echo "socket: /var/lib/concordat/subject-keys/socket" >subject-keys.yaml'
as concordat 'cd /etc/concordat && echo "file: /var/lib/concordat/land.db" >sql.yaml && cp sql.yaml sql-messages.yaml'
as concordat-subject-keys 'echo search >/etc/concordat-subject-keys/search'
before=$(${LISTED})
sh "$2" configure 0.0.1
after=$(${LISTED})
if [ "$before" = "$after" ]; then echo 'an upgrade left all as it was'; else echo "$before"; echo "$after"; fi
as concordat 'cd /etc/concordat && ln -sfn /etc/given/nothing tls'
sh "$2" configure 0.0.1 2>/run/said
grep -o 'is no folder' /run/said
if [ -e /etc/given/nothing ]; then echo 'a link to nothing was followed'; fi
for file in /etc/concordat/pin /etc/concordat-subject-keys/search; do
  for one in concordat concordat-subject-keys concordat-adapter concordat-portal; do
    if runuser -u $one -- cat "$file" >/dev/null 2>&1; then echo "$one reads $file"; fi
  done
done`

t.test('an installation makes users and folders; an upgrade takes nothing and gives nothing away', (t) => {
  const tools = ['unshare', 'runuser'].filter((one) => findProgram([one]) === undefined)
  if (process.getuid?.() !== 0 || tools.length > 0) {
    skipFor(t, 'it needs root, unshare and runuser')
    return t.end()
  }
  const given = { script: AFTER_INSTALLATION, users: USERS_FILE, installed: INSTALLED }
  const files = Object.entries(given).map(([name, content]) => {
    const file = path.join(folder, name)
    writeFileSync(file, content)
    return file
  })
  const machine = mkdtempSync(path.join(folder, 'machine-'))
  const said = execFileSync('unshare', ['--mount', 'sh', '-c', MACHINE, 'sh', machine, ...files], {
    encoding: 'utf8',
  })
  const folders = [
    ...['/secrets', '/tls'].map((one) => `concordat concordat 700 /etc/concordat${one}`),
    ...USERS.map((user) => `${user} ${user} 700 /etc/${user}`),
  ]
  const lines = [
    'concordat concordat-subject-keys',
    'an upgrade left all as it was',
    'is no folder',
    'concordat reads /etc/concordat/pin',
    'concordat-subject-keys reads /etc/concordat-subject-keys/search',
  ]
  t.strictSame(said.trimEnd().split('\n').toSorted(), [...folders, ...lines].toSorted())
  t.end()
})
