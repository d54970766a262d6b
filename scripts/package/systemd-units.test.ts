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
import { USERS_FILE, unitFiles } from './systemd-units.ts'

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
  t.equal(services.filter(({ content }) => content.includes('RestartPreventExitStatus=2')).length, 9)
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

/** In a namespace whose /etc, /var/lib and /run end with it: $1 a folder, $2 the script of the package, $3 the users, $4 what is to be done. */
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

/** What a package left whose units all ran as concordat. */
const BEFORE = `sh "$2" configure
umask 077
mkdir -p /var/lib/concordat/subject-keys/keys /var/lib/concordat/adapter-sql
cd /etc/concordat
for one in pin index search; do echo "$one" >secrets/$one; done
echo key >adapter.key
printf '%s\\n' 'directory: /var/lib/concordat/subject-keys/keys' 'database: sqlite:/var/lib/concordat/subject-keys/holder.db' \\
  'indexKeyFile: secrets/index' 'searchKeyFile: "/etc/concordat/secrets/search"' 'socket: /var/lib/concordat/subject-keys/socket' >subject-keys.yaml
printf '%s\\n' 'listen: { keyFile: ./adapter.key, certificateFile: /etc/ssl/adapter.pem }' 'database: { kind: sqlite, file: /var/lib/concordat/land.db }' \\
  "folder: '/var/lib/concordat/adapter-sql'" >sql.yaml
echo 'pinFile: secrets/pin' >security-server.yaml
echo month >/var/lib/concordat/subject-keys/keys/month
for one in subject-keys/holder.db land.db land.db-wal server.db adapter-sql/own; do echo "$one" >/var/lib/concordat/$one; done
chown -R concordat: /etc/concordat /var/lib/concordat
sh "$2" configure 0.0.1
sh "$2" configure 0.0.1
find /etc/concordat* /var/lib/concordat* \\( -type f -o -type l \\) -printf '%u %m %p %l\\n'
cat /etc/concordat-subject-keys/subject-keys.yaml /etc/concordat-adapter/sql.yaml
id -nG concordat
for one in concordat-subject-keys concordat-adapter concordat-portal; do
  if runuser -u $one -- cat /etc/concordat/secrets/pin 2>/dev/null; then echo "$one reads it"; fi
done
runuser -u concordat-adapter -- cat /etc/concordat-adapter/adapter.key
runuser -u concordat-adapter -- cat /etc/concordat-subject-keys/secrets/search 2>/dev/null || echo 'none reads those of another'`

t.test('an upgrade takes what ran as concordat to users of their own', (t) => {
  const tools = ['unshare', 'runuser'].filter((one) => findProgram([one]) === undefined)
  if (process.getuid?.() !== 0 || tools.length > 0) {
    skipFor(t, 'it needs root, unshare and runuser')
    return t.end()
  }
  const given = { script: AFTER_INSTALLATION, users: USERS_FILE, before: BEFORE }
  const files = Object.entries(given).map(([name, content]) => {
    const file = path.join(folder, name)
    writeFileSync(file, content)
    return file
  })
  const machine = mkdtempSync(path.join(folder, 'machine-'))
  const said = execFileSync('unshare', ['--mount', 'sh', '-c', MACHINE, 'sh', machine, ...files], {
    encoding: 'utf8',
  })
  const lines = said.split('\n').map((line) => line.trimEnd())
  for (const line of [
    'concordat 600 /etc/concordat/secrets/pin',
    'concordat 600 /etc/concordat/security-server.yaml',
    'concordat 600 /etc/concordat/subject-keys.yaml.moved',
    'concordat-subject-keys 600 /etc/concordat-subject-keys/subject-keys.yaml',
    'concordat-subject-keys 600 /etc/concordat-subject-keys/secrets/index',
    'concordat-subject-keys 600 /etc/concordat-subject-keys/secrets/search',
    'concordat-subject-keys 600 /var/lib/concordat-subject-keys/keys/month',
    'concordat-subject-keys 600 /var/lib/concordat-subject-keys/holder.db',
    'root 777 /var/lib/concordat/subject-keys/socket /run/concordat-subject-keys/socket',
    'concordat-adapter 600 /etc/concordat-adapter/adapter.key',
    'concordat-adapter 600 /var/lib/concordat-adapter/sql/land.db',
    'concordat-adapter 600 /var/lib/concordat-adapter/sql/land.db-wal',
    'concordat-adapter 600 /var/lib/concordat-adapter/sql/own',
    'concordat 600 /var/lib/concordat/server.db',
    'directory: /var/lib/concordat-subject-keys/keys',
    'database: sqlite:/var/lib/concordat-subject-keys/holder.db',
    'indexKeyFile: secrets/index',
    'searchKeyFile: "/etc/concordat-subject-keys/secrets/search"',
    'socket: /run/concordat-subject-keys/socket',
    'listen: { keyFile: ./adapter.key, certificateFile: /etc/ssl/adapter.pem }',
    'database: { kind: sqlite, file: /var/lib/concordat-adapter/sql/land.db }',
    "folder: '/var/lib/concordat-adapter/sql'",
    'concordat concordat-subject-keys',
    'key',
    'none reads those of another',
  ])
    t.ok(lines.includes(line), line)
  t.notMatch(said, /reads it|-(?:subject-keys|adapter|portal)\/.*pin$/m)
  t.end()
})
