/**
 * The gate: runs check and all tests in parallel and prints a line for each as it ends. Then it prints the
 * failures with their diagnostics, the slowest files, the skipped tests, and last `N passed, N failed`, with
 * the number of skipped tests if there are any. With CI set, a skipped test fails the gate. Arguments are
 * test files: then it runs only these, without check.
 */
import { spawnSync } from 'node:child_process'
import { createWriteStream, globSync, mkdirSync } from 'node:fs'
import { cpus } from 'node:os'
import { finished } from 'node:stream/promises'
import { check } from '#scripts/check.ts'
import { buildTests } from './build-tests.ts'
import { BEFORE_FILE, type Costs, runFiles } from './run-files.ts'
import { createTapReader, type TapOutput } from './tap-output.ts'

const TESTS =
  '{schemas,core,platform,adapters,certs,central-registry,security-server,scripts,test}/**/*.test.ts'
// `check` runs this file.
const RULES = 'test/import-rules.test.ts'
const LOG = '.work/test-log.tap'
const SLOWEST = 10
const MAX_FAILURES = 50
const MAX_ERROR_LINES = 200
const MAX_LINE = 1000

const inCi = Boolean(process.env['CI'])
const files = process.argv.slice(2)
const busyBefore = busyMs()
const say = (line: string): void => void process.stdout.write(`${line}\n`)

// Screenshots are only for people who work on the pages and run single test files.
if (files.length === 0) process.env['TEST_SCREENSHOTS'] ??= 'none'
const [failedChecks, { output, errors, costs }] = await Promise.all([
  files.length === 0 ? check({ fix: false }) : 0,
  runTests(),
])
const { passed, failed: failedTests, skipped } = output.totals ?? { passed: 0, failed: 1, skipped: 0 }

if (failedTests > 0) for (const line of errors) say(line)
for (const { test, diagnostic } of output.failures.slice(0, MAX_FAILURES)) {
  say(`\nFAILED ${test}`)
  for (const line of diagnostic) say(`  ${line}`)
}
if (files.length === 0) {
  say(`\nThe slowest files (all output is in ${LOG}):`)
  const slowest = output.files.toSorted((a, b) => b.ms - a.ms).slice(0, SLOWEST)
  const costOf = (name: string): string => seconds(costs.get(name) ?? 0)
  for (const { name, ms } of slowest) say(`       ${seconds(ms)}  ${costOf(name)} of a processor  ${name}`)
  const dearest = [...costs].toSorted(([, a], [, b]) => b - a).slice(0, SLOWEST)
  say('Those that took most of a processor:')
  for (const [name, ms] of dearest) say(`       ${seconds(ms)}  ${name}`)
  const all = [...costs.values()].reduce((sum, ms) => sum + ms, 0)
  say(`Processor time of all files: ${seconds(all).trim()}`)
  // Chromium's pages are processes for which no test waits.
  say(
    `With the pages of browsers, check and all else on this machine: ${seconds(busyMs() - busyBefore).trim()}`,
  )
}
say('')
for (const skip of new Set(output.skips)) say(`SKIPPED ${skip}`)
// Repeats each failure in one line, because often only the end of a long output is kept.
for (const { test } of output.failures.slice(0, MAX_FAILURES)) say(`FAILED ${test.slice(0, MAX_LINE)}`)
if (failedChecks > 0) say(`${failedChecks} of the checks failed: see above.`)
// All starts used the answer from before the tests (scripts/concordat).
if (process.env['TEST_GATE'] !== undefined && !areServersBuilt())
  say('A source changed while the tests ran: servers ran as they were built before.')
const forbidden = inCi && skipped > 0
if (forbidden) say('With CI set a skipped test fails the gate.')

const allFailed = failedTests + failedChecks
process.exitCode = allFailed > 0 || forbidden ? 1 : 0
say(`${passed} passed, ${allFailed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)

/**
 * Runs the test files and prints each as it ends. What they write to their error streams is logged and
 * returned.
 */
async function runTests(): Promise<{ output: TapOutput; errors: string[]; costs: Costs }> {
  mkdirSync('.work', { recursive: true })
  const log = createWriteStream(LOG)
  const reader = createTapReader()
  const errors: string[] = []
  const isWhole = files.length === 0
  const all = isWhole ? globSync(TESTS, { exclude: [RULES] }) : files
  const costs = await runFiles(
    all,
    isWhole ? await buildTests(all) : { one: (file) => [...BEFORE_FILE, file] },
    (line) => {
      log.write(`${line}\n`)
      const file = reader.line(line)
      if (file !== undefined) say(`${file.passed ? 'ok    ' : 'FAILED'} ${seconds(file.ms)}  ${file.name}`)
    },
    (line) => {
      log.write(`# ${line}\n`)
      if (errors.length < MAX_ERROR_LINES) errors.push(line)
    },
  )
  for (const [name, ms] of costs) log.write(`# processor ${seconds(ms)} ${name}\n`)
  log.end()
  await finished(log)
  return { output: reader.output, errors, costs }
}

/** As `scripts/concordat` asks before a start that is no gate's. */
function areServersBuilt(): boolean {
  const script = '. scripts/find-node.sh && built_program "$(pwd -P)" security-server/main.ts'
  return spawnSync('sh', ['-c', script]).status === 0
}

/** How long the machine's processors have worked since it started. */
function busyMs(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys, 0)
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1).padStart(6)} s`
}
