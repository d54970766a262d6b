import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { groupFiles, startsSandbox } from './group-files.ts'
import { BEFORE_FILE, type FileRun, judgeFile, runsOfFiles } from './run-files.ts'
import { SHARED_WORLDS } from './shared-worlds.ts'

// From the sources, also in a gate: where tests are built, both are in files that only built tests can name.
const ROOT = process.cwd()
const CURRENT_FILE = pathToFileURL(path.join(ROOT, 'scripts/test/current-file.ts')).href
const RUN_GROUP = path.join(ROOT, 'scripts/test/run-group.ts')
const FILES = {
  good: "process.env.LEFT = 'by good'; t.teardown(() => console.log('good has ended')); t.test('one', async (t) => t.pass())",
  bad: "t.beforeEach(() => { throw new Error('of bad') }); t.test('two', async (t) => t.pass())",
  sees: "t.test('LEFT is ' + process.env.LEFT, async (t) => t.pass())",
  empty: '',
  killed:
    "t.test('three', async (t) => t.pass()); t.test('ends', async () => process.kill(process.pid, 'SIGKILL'))",
  late: "t.test('four', async (t) => t.pass()); process.on('exit', () => { process.exitCode = 7 })",
  shares:
    "wholeProcess.teardown(async () => { throw new Error('of shared') }); t.test('six', async (t) => t.pass())",
  broken: "t.test('five', async (t) => t.pass()); throw new Error('of broken')",
}

t.test('files of one process are judged one by one', (t) => {
  const folder = t.testdir(
    Object.fromEntries(Object.entries(FILES).map(([name, text]) => [`${name}.test.js`, text])),
  )
  for (const name of readdirSync(folder)) {
    const file = path.join(folder, name)
    writeFileSync(file, `import t, { wholeProcess } from '${CURRENT_FILE}'\n${readFileSync(file, 'utf8')}\n`)
  }
  const run = (...names: string[]) => {
    const files = names.map((name) => path.relative(ROOT, path.join(folder, `${name}.test.js`)))
    const { stdout, status, signal } = spawnSync(process.execPath, [...BEFORE_FILE, RUN_GROUP], {
      encoding: 'utf8',
      env: { ...process.env, TAP: '1', TEST_FILES: files.join(path.delimiter) },
    })
    return runsOfFiles({ stdout, code: status, signal, ms: 0 })
  }
  const problemOf = (one: FileRun) => judgeFile(one).problem
  const FAILED = 'it ended with exit code 1'

  const all = run('missing', 'bad', 'good', 'sees', 'broken', 'empty')
  t.strictSame(all.map(problemOf), [FAILED, FAILED, undefined, undefined, FAILED, 'it holds no test'])
  const [good, sees] = all.slice(2)
  t.strictSame(judgeFile(good!).counts, { total: 1, pass: 1 })
  t.match(good!.stdout, /^good has ended$/m, 'a file ends before the next one begins')
  t.match(good!.stdout, /^# processor \d+ ms$/m)
  t.match(sees!.stdout, 'LEFT is undefined', 'the environment is as it was')
  t.strictSame(
    run('good', 'killed', 'sees').map(problemOf),
    [undefined, 'it was ended by SIGKILL'],
    'a file that never began has no result, and is run again',
  )
  t.strictSame(run('good', 'late').map(problemOf), [undefined, 'it ended with exit code 7'])
  t.strictSame(
    run('shares', 'good', 'sees').map(problemOf),
    [undefined, undefined, FAILED],
    'what files share ends with the last of them',
  )
  t.end()
})

t.test('each file is in one group, with files of its room', (t) => {
  const names = Array.from({ length: 25 }, (_, index) => `core/${index}.test.ts`)
  const files = [...names, 'core/alone.test.ts', 'security-server/features/nodes/one.test.ts']
  const groups = groupFiles(files, (file) => file === 'core/alone.test.ts')
  t.strictSame(groups.flat().toSorted(), files.toSorted())
  t.strictSame(
    groups.map((group) => group.length).toSorted((a, b) => a - b),
    [1, 1, 12, 13],
  )
  for (const group of groups) t.equal(new Set(group.map((file) => file.split('/')[0])).size, 1)
  t.end()
})

t.test('files that share a running world are one group', (t) => {
  const named = SHARED_WORLDS.flat()
  t.equal(new Set(named).size, named.length)
  for (const file of named) t.ok(startsSandbox(file), `${file} exists, and starts a sandbox`)
  const alone = 'test/journeys/crash.test.ts'
  const sorted = (groups: string[][]) => groups.map((group) => group.toSorted()).toSorted()
  t.strictSame(sorted(groupFiles([...named, alone], () => false)), sorted([...SHARED_WORLDS, [alone]]))
  t.ok(groupFiles(named, () => true).every((group) => group.length === 1))
  t.end()
})
