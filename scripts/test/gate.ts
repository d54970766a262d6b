/**
 * The gate: check, then every test, a line for each file as it ends; then what failed with its diagnostics, the slowest
 * files, what was skipped, and last `N passed, N failed` with the skipped ones when there are any. With CI set a skip
 * fails the gate. Arguments are test files: then only these run, without check.
 */
import { spawn } from 'node:child_process'
import { createWriteStream, mkdirSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { finished } from 'node:stream/promises'
import { check } from '#scripts/check.ts'
import { createTapReader, type TapOutput } from './tap-output.ts'

const LOG = '.work/test-log.tap'
const SLOWEST = 10
const MAX_FAILURES = 50
const MAX_ERROR_LINES = 200

const inCi = Boolean(process.env['CI'])
const files = process.argv.slice(2)
const say = (line: string): void => void process.stdout.write(`${line}\n`)

const failedChecks = files.length === 0 ? await check({ fix: false }) : 0
const { code, output, errors } = await runTap(files)
const { passed, failed, skipped } = output.totals ?? { passed: 0, failed: 0, skipped: 0 }
// A runner that breaks off, or a file that ends badly after its last assertion, is a failure as well.
const failedTests = failed === 0 && code !== 0 ? 1 : failed

if (failedTests > 0) for (const line of errors) say(line)
for (const { test, diagnostic } of output.failures.slice(0, MAX_FAILURES)) {
  say(`\nFAILED ${test}`)
  for (const line of diagnostic) say(`  ${line}`)
}
if (files.length === 0) {
  say(`\nThe slowest files (all output is in ${LOG}):`)
  const slowest = output.files.toSorted((a, b) => b.ms - a.ms).slice(0, SLOWEST)
  for (const { name, ms } of slowest) say(`       ${seconds(ms)}  ${name}`)
}
say('')
for (const skip of new Set(output.skips)) say(`SKIPPED ${skip}`)
if (output.totals === undefined) say('The test runner broke off.')
if (failedChecks > 0) say(`${failedChecks} of the checks failed: see the top.`)
const forbidden = inCi && skipped > 0
if (forbidden) say('With CI set a skipped test fails the gate.')

const allFailed = failedTests + failedChecks
process.exitCode = allFailed > 0 || forbidden ? 1 : 0
say(`${passed} passed, ${allFailed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)

/** Runs tap, showing each test file as it ends; what the tests write to their error stream goes to the log and back. */
async function runTap(files: string[]): Promise<{ code: number; output: TapOutput; errors: string[] }> {
  mkdirSync('.work', { recursive: true })
  const log = createWriteStream(LOG)
  const reader = createTapReader()
  const errors: string[] = []
  const tap = spawn('tap', ['run', '--reporter=tap', ...files], { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise<number>((resolve) => {
    tap.once('error', () => resolve(1))
    tap.once('close', (code) => resolve(code ?? 1))
  })
  createInterface({ input: tap.stdout }).on('line', (line) => {
    log.write(`${line}\n`)
    const file = reader.line(line)
    if (file !== undefined) say(`${file.passed ? 'ok    ' : 'FAILED'} ${seconds(file.ms)}  ${file.name}`)
  })
  createInterface({ input: tap.stderr }).on('line', (line) => {
    log.write(`# ${line}\n`)
    if (errors.length < MAX_ERROR_LINES) errors.push(line)
  })
  const code = await ended
  log.end()
  await finished(log)
  return { code, output: reader.output, errors }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1).padStart(6)} s`
}
