import { execFileSync, spawnSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { COMMANDS, commandOf, SERVERS, type Words } from './command-line/words.ts'
import { BEFORE_FILE, judgeFile } from './test/run-files.ts'
import { createTapReader } from './test/tap-output.ts'

const SCRIPTS = import.meta.dirname
const CONCORDAT = path.join(SCRIPTS, 'concordat')

function concordat(args: string[], q: { program?: string; cwd?: string; environment?: object } = {}) {
  const { status, stdout, stderr } = spawnSync(q.program ?? CONCORDAT, args, {
    cwd: q.cwd,
    env: { ...process.env, ...q.environment },
    encoding: 'utf8',
    timeout: 60_000,
  })
  return { status, stdout, stderr }
}

t.test('every command says how it is used, with the options that the table of commands has', (t) => {
  const { status, stdout } = concordat(['--help'])
  t.equal(status, 0)
  const commands = [...stdout.matchAll(/^ {2}([a-z-]+) {2,}/gm)].map(([, name = '']) => name)
  t.strictSame(commands.toSorted(), [...Object.keys(COMMANDS), ...Object.keys(SERVERS)].toSorted())
  for (const command of commands) {
    const help = concordat([command, '--help'])
    t.equal(help.status, 0, command)
    const said = help.stdout + help.stderr
    t.match(said, new RegExp(`^\\s*Usage: concordat ${command}`))
    const own = commandOf(command)
    if (own === undefined || own.isApi) continue
    const more = command === 'bench' ? Object.keys(own.words!).map((word) => usageOf('bench', word)) : []
    t.strictSame(optionsIn([said, ...more].join('\n')), optionsOf(own), command)
  }
  t.end()
})

function usageOf(...words: string[]): string {
  const { stdout, stderr } = concordat([...words, '--help'])
  return stdout + stderr
}

/** Without those of curl. */
function optionsIn(text: string): string[] {
  const said = new Set([...text.matchAll(/(?<![\w-])--[a-z][a-z-]*/g)].map(([option]) => option))
  for (const none of ['--help', '--data-binary']) said.delete(none)
  return [...said].sort()
}

function optionsOf({ options = [], words = {} }: Words): string[] {
  const all = [...options.map((one) => one.replace('=', '')), ...Object.values(words).flatMap(optionsOf)]
  return [...new Set(all)].sort()
}

t.test('wrong usage is one line and exit code 2, never a stack trace', (t) => {
  for (const name of ['nonsense', '__proto__', '--nonsense', 'con\u001bcordat']) {
    const { status, stderr } = concordat([name])
    t.equal(status, 2)
    t.match(stderr, /^concordat: [^\n\u001b]+\n$/)
  }
  t.equal(concordat([]).status, 2)
  for (const args of [['verify'], ['check', '--nonsense'], ['log', 'nonsense'], ['bench', 'nonsense']]) {
    const { status, stderr } = concordat(args)
    t.equal(status, 2, args.join(' '))
    t.notMatch(stderr, /^\s+at /m)
  }
  const server = concordat(['security-server', '--configuration', '/nowhere.yaml'])
  t.equal(server.status, 2, "a server's own exit code")
  t.notMatch(server.stderr, /^\s+at /m)
  t.end()
})

t.test('every server runs from its sources, whether or not it was built', (t) => {
  for (const main of ['central-registry', 'security-server', 'security-server/subject-keys', 'certs']) {
    const file = path.join(SCRIPTS, '..', main, 'main.ts')
    const server = concordat([file, '--configuration', '/nowhere.yaml'], { program: process.execPath })
    t.equal(server.status, 2, main)
    t.match(server.stderr, /\/nowhere\.yaml/)
    t.notMatch(server.stderr, /^\s+at /m)
  }
  t.end()
})

t.test('it runs through a link, from another folder, where paths are those of that folder', (t) => {
  const folder = t.testdir({ 'broken.asice': 'no container' })
  symlinkSync(SCRIPTS, path.join(folder, 'linked'))
  symlinkSync('linked/concordat', path.join(folder, 'concordat'))
  const program = path.join(folder, 'concordat')
  t.match(concordat(['--version'], { program, cwd: folder }), {
    status: 0,
    stdout: /^concordat \d+\.\d+\.\d+ \(Node \d+\.\d+\.\d+\)\n$/,
  })
  const verdict = concordat(['verify', 'broken.asice', '--conf', 'nowhere'], { program, cwd: folder })
  t.equal(verdict.status, 1)
  t.match(verdict.stderr, /^concordat verify: [^\n]+\n$/)
  t.end()
})

/** The options with which the program starts a server on this version of Node. */
function startedBy(t: Test, version = process.version): string[] {
  // A fake node that prints its arguments, in place of the one in the package.
  const folder = t.testdir({ scripts: {}, node_modules: { '.bin': {}, fastify: {} } })
  for (const file of ['concordat', 'find-node.sh', 'take-option-back.cjs'])
    cpSync(path.join(SCRIPTS, file), path.join(folder, 'scripts', file))
  const node = path.join(folder, 'node_modules/.bin/node')
  writeFileSync(node, `#!/bin/sh\n[ "$1" = --version ] && echo ${version} && exit\necho "$@"\n`)
  chmodSync(node, 0o755)
  const { stdout } = concordat(['security-server'], { program: path.join(folder, 'scripts/concordat') })
  return stdout.trim().split(' ').slice(0, -1)
}

const sourcesOf = (folder: string): string =>
  execFileSync('sh', ['-c', '. "$1/scripts/find-node.sh" && sources_of "$1"', 'sh', folder], {
    encoding: 'utf8',
  }).trim()

t.test('a server runs as it was built, unless its sources are others or it was built elsewhere', (t) => {
  const made = '.work/servers/1-1/security-server/main.js'
  const folder = t.testdir({
    scripts: {},
    'security-server': { 'main.ts': '' },
    console: { 'build.ts': '' },
    'package-lock.json': '{}',
    node_modules: { '.bin': {}, fastify: {}, '.package-lock.json': '{}' },
    '.work': { servers: { '1-1': { 'security-server': { 'main.js': '' } } } },
  })
  for (const room of ['schemas', 'core', 'platform', 'central-registry', 'certs', 'adapters'])
    mkdirSync(path.join(folder, room))
  const node = path.join(folder, 'node_modules/.bin/node')
  for (const file of ['concordat', 'find-node.sh'])
    cpSync(path.join(SCRIPTS, file), path.join(folder, 'scripts', file))
  writeFileSync(node, `#!/bin/sh\n[ "$1" = --version ] && echo v26.0.0 && exit\necho "$@"\n`)
  chmodSync(node, 0o755)
  const runs = (environment = {}): string => {
    const program = path.join(folder, 'scripts/concordat')
    const { stdout } = concordat(['security-server'], { program, environment })
    return path.relative(folder, stdout.trim().split(' ').at(-1)!)
  }
  const current = path.join(folder, '.work/servers/current')
  const later = new Date(Date.now() + 60_000)
  const builtAt = (root: string): void => {
    writeFileSync(current, `${root}\n1-1\n${sourcesOf(folder)}\n`)
    utimesSync(current, later, later)
  }
  t.equal(runs(), 'security-server/main.ts', 'nothing was built')
  builtAt(folder)
  t.equal(runs(), made)
  const newest = new Date(later.getTime() + 1000)
  for (const source of [
    'security-server/main.ts',
    'core',
    'console/build.ts',
    'package-lock.json',
    'node_modules/.package-lock.json',
  ]) {
    const { mtime } = statSync(path.join(folder, source))
    utimesSync(path.join(folder, source), newest, newest)
    t.equal(runs(), 'security-server/main.ts', `${source} is newer`)
    utimesSync(path.join(folder, source), mtime, mtime)
    t.equal(runs(), made)
  }
  utimesSync(path.join(folder, 'package-lock.json'), 1_000_000_000, 1_000_000_000)
  t.equal(runs(), 'security-server/main.ts', 'an older version was put back with its old times')
  builtAt(folder)
  t.equal(runs(), made)
  rmSync(path.join(folder, 'adapters'), { recursive: true })
  t.equal(runs(), 'security-server/main.ts', 'it cannot be said that nothing is newer')
  mkdirSync(path.join(folder, 'adapters'))
  builtAt('/elsewhere')
  t.equal(runs(), 'security-server/main.ts', 'its programs have the places of other sources')
  builtAt(folder)
  rmSync(path.join(folder, made))
  t.equal(runs(), 'security-server/main.ts', 'a program that was not built')
  const judged = { TEST_GATE: String(process.pid) }
  t.equal(runs(judged), 'security-server/main.ts', 'no gate of these sources has judged')
  const gates = path.join(folder, '.work/gates')
  mkdirSync(gates)
  const judge = (gate: number | string): void =>
    writeFileSync(path.join(gates, String(gate)), `1-1\n${node}\n`)
  judge(process.pid)
  t.equal(runs(judged), 'security-server/main.ts', 'a program that was not built')
  writeFileSync(path.join(folder, made), '')
  rmSync(current)
  t.equal(runs(judged), made, 'a gate has judged for all its starts')
  const pages = concordat(['console'], {
    program: path.join(folder, 'scripts/concordat'),
    environment: judged,
  })
  t.same([pages.status, pages.stdout], [0, ''], 'and has built the pages')
  const { pid: over } = spawnSync('true')
  judge(over)
  t.equal(runs({ TEST_GATE: String(over) }), 'security-server/main.ts', 'but not once it is over')
  writeFileSync(path.join(folder, '.work/stray'), `1-1\n${node}\n`)
  for (const stray of ['../stray', '-1', '0', 'x'])
    t.equal(runs({ TEST_GATE: stray }), 'security-server/main.ts', stray)
  t.end()
})

t.test("what a server's thread took of memory goes back when the thread ends", (t) => {
  const program = `
    const { Worker } = require('node:worker_threads')
    const resident = () => Number(/VmRSS:\\s+(\\d+)/.exec(require('node:fs').readFileSync('/proc/self/status'))[1])
    const work = 'const held = Array.from({ length: 1e6 }, (_, at) => ({ at: [at] }));'
    const before = resident()
    const thread = new Worker(work + 'require("node:worker_threads").parentPort.on("message", () => 0).postMessage(held.length)', { eval: true })
    thread.once('message', async () => {
      const during = resident()
      await thread.terminate()
      console.log(JSON.stringify({ before, during, after: resident() }))
      process.exit(0)
    })`
  const run = execFileSync(process.execPath, [...startedBy(t), '-e', program], { encoding: 'utf8' })
  const { before, during, after } = JSON.parse(run) as Record<'before' | 'during' | 'after', number>
  t.ok(after - before < (during - before) / 2, run)
  t.notMatch(startedBy(t, 'v27.0.0').join(' '), /memory-pool/, 'a Node that may not know the option starts')
  t.end()
})

t.test('with the options of a server Node uses the compiled code of its own modules', (t) => {
  const program = `
    const { internalBinding } = require('internal/test/binding')
    require('node:https')
    const { compiledWithCache, compiledWithoutCache } = internalBinding('builtins').getCacheUsage()
    console.log([...compiledWithCache].includes('https'), [...compiledWithoutCache].length < 30)`
  const run = [...startedBy(t), '--expose-internals', '--no-warnings', '-e', program]
  t.equal(execFileSync(process.execPath, run, { encoding: 'utf8' }), 'true true\n')
  t.end()
})

t.test("a server's thread has the nursery that it is given, not the main thread's", (t) => {
  const letHave = path.join(SCRIPTS, '../platform/threads/own-nursery.ts')
  const program = `
    const { Worker } = require('node:worker_threads')
    const { letThreadsHaveOwnNursery } = require(${JSON.stringify(letHave)})
    const nursery = 'require("node:v8").getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space").space_size'
    const fill = 'const held = []; for (let at = 0; at < 1e6; at++) held[at % 10] = [String(at)];'
    letThreadsHaveOwnNursery()
    const thread = new Worker(fill + 'require("node:worker_threads").parentPort.postMessage(' + nursery + ')', {
      eval: true,
      resourceLimits: { maxYoungGenerationSizeMb: 6 },
    })
    thread.once('message', (octets) => console.log(octets))`
  const run = [...startedBy(t), '-e', program]
  const octets = Number(execFileSync(process.execPath, run, { encoding: 'utf8' }))
  t.ok(octets > 0 && octets <= 6 * 1024 * 1024, `${octets}`)
  t.end()
})

t.test('packages are installed when they are missing or old, and never fewer than there are', (t) => {
  const folder = t.testdir({ bin: {}, 'package-lock.json': '{}' })
  cpSync(SCRIPTS, path.join(folder, 'scripts'), {
    recursive: true,
    filter: (file) => path.dirname(file) !== SCRIPTS || /\.sh$/.test(file),
  })
  const npm = path.join(folder, 'bin/npm')
  writeFileSync(
    npm,
    '#!/bin/sh\necho "$*" >>calls\nrm -rf node_modules\nmkdir -p node_modules\ncase $* in *omit=dev*) ;; *) mkdir node_modules/tap ;; esac\n: >node_modules/.package-lock.json\n',
  )
  chmodSync(npm, 0o755)
  // The directory of this test's Node comes next on PATH, so the machine's own Node may be of any version.
  const PATH = `${path.join(folder, 'bin')}:${path.dirname(process.execPath)}:${process.env['PATH']}`
  const calls = (wanted: string): string[] => {
    const file = path.join(folder, 'calls')
    writeFileSync(file, '')
    execFileSync('sh', [path.join(folder, 'scripts/install-packages.sh'), wanted], {
      env: { PATH },
      stdio: 'pipe',
    })
    return readFileSync(file, 'utf8').split('\n').filter(Boolean)
  }
  t.match(calls('production'), [/^ci --omit=dev /])
  t.strictSame(calls('production'), [], 'once')
  t.match(calls('full'), [/^ci (?!.*omit)/], 'a test needs more')
  t.strictSame(calls('full'), [])
  t.strictSame(calls('production'), [], 'what is there is more than enough')
  appendFileSync(path.join(folder, 'package-lock.json'), '\n')
  t.match(calls('production'), [/^ci (?!.*omit)/], 'the lock changed: a full install stays full')
  t.ok(existsSync(path.join(folder, 'node_modules/.concordat-lock')))
  t.end()
})

t.test("the gate reads the runner's stream", (t) => {
  const lines = [
    '# Subtest: a.test.ts',
    '    # Subtest: outer',
    '        not ok 1 - one is two',
    '          ---',
    '          ok 1 - not a test point',
    '          ...',
    '        # Subtest: inner',
    '            ok 1 - fine',
    '            not ok 2 - todo # TODO later',
    '            1..2',
    '        ok 2 - inner # time=8.769ms',
    '        1..2',
    '    not ok 1 - outer # time=46.48ms',
    '      ---',
    '      at: {}',
    '      ...',
    '    ok 2 - with \\# sign # SKIP no tool',
    'not ok 1 - a.test.ts # time=1.5s',
    '  ---',
    '  exitCode: 1',
    '  ...',
    '# Subtest: b.test.ts',
    '    1..0 # no tests found',
    'not ok 2 - b.test.ts # time=508.161ms',
    '  ---',
    '  exitCode: 1',
    '  ...',
    '# { total: 6, pass: 2, fail: 2, skip: 1, todo: 1 }',
  ]
  const reader = createTapReader()
  const files = lines.flatMap((line) => reader.line(line) ?? [])
  t.strictSame(files, [
    { name: 'a.test.ts', passed: false, ms: 1500 },
    { name: 'b.test.ts', passed: false, ms: 508.161 },
  ])
  t.strictSame(reader.output, {
    files,
    totals: { passed: 2, failed: 2, skipped: 2 },
    failures: [
      { test: 'a.test.ts > outer > one is two', diagnostic: ['ok 1 - not a test point'] },
      { test: 'b.test.ts', diagnostic: ['exitCode: 1'] },
    ],
    skips: ['a.test.ts > outer > inner > todo: later', 'a.test.ts > with # sign: no tool'],
  })
  t.end()
})

t.test('a test file succeeds only when it ended by itself after all that it planned', (t) => {
  const good = [
    'TAP version 14',
    'ok 1 - one',
    '    ok 2 - inner',
    'ok 2 - two',
    '1..2',
    '# { total: 2, pass: 2 }',
  ]
  const judge = (lines: string[], code: number | null = 0, signal: NodeJS.Signals | null = null) =>
    judgeFile({ stdout: `${lines.join('\n')}\n`, code, signal }).problem
  t.equal(judge(good), undefined)
  t.strictSame(judgeFile({ stdout: good.join('\n'), code: 0, signal: null }).counts, { total: 2, pass: 2 })
  t.equal(judge(good, 1), 'it ended with exit code 1')
  t.equal(judge(good, null, 'SIGKILL'), 'it was ended by SIGKILL')
  t.equal(judge(good.slice(0, 4)), '2 tests ended, no number planned')
  t.equal(judge(good.slice(0, 2).concat('1..2')), '1 tests ended, 2 planned')
  t.equal(judge(['not ok 1 - one', 'not ok 2 - two # TODO later', '1..2']), 'a test failed')
  t.equal(judge(['not ok 1 - two # TODO later', 'ok 2 - three # SKIP no tool', '1..2']), undefined)
  t.equal(judge(['1..0 # no tests found']), 'it holds no test')
  t.equal(judge([]), '0 tests ended, no number planned')
  t.end()
})

t.test('an error that nothing caught fails the test that is running, and the file goes on', (t) => {
  const testThat = (act: string) => `t.test('outer', async (t) => {
    await t.test('inner', async () => {
      ${act}
      await new Promise((resolve) => setTimeout(resolve, 20))
    })
  })`
  const file = path.join(t.testdir(), 'escape.test.ts')
  writeFileSync(
    file,
    [
      `import t from ${JSON.stringify(import.meta.resolve('tap'))}`,
      testThat("setTimeout(() => { throw new Error('thrown') }, 1)"),
      testThat("void Promise.reject(new Error('rejected'))"),
      "t.test('afterwards', async (t) => t.pass())",
      '',
    ].join('\n'),
  )
  const args = [...BEFORE_FILE, file]
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 })
  t.equal(status, 1)
  for (const what of ['thrown', 'rejected'])
    t.match(stdout, new RegExp(`^ {8}not ok 1 - ${what}$`, 'm'), `${what}: in the inner test`)
  t.match(stdout, /^ok \d+ - afterwards/m)
  t.end()
})
