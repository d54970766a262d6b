/**
 * The gate: check, then every test, a line for each file as it ends; then what failed and what was skipped, and last
 * `N passed, N failed` with the skipped ones when there are any. With CI set a skip is a failure.
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { check } from '#scripts/check.ts'
import type { TapOutput } from './tap-output.ts'
import { createTapReader } from './tap-output.ts'

const MAX_FAILURES = 50

const inCi = Boolean(process.env['CI'])
const files = process.argv.slice(2)

const failedChecks = files.length === 0 ? await check({ fix: false }) : 0
const { code, output } = await runTap(files)
// A stream without totals means that the runner itself broke.
const { passed, failed, skipped } = output.totals ?? { passed: 0, failed: 0, skipped: 0 }
const failedTests = failed === 0 && code !== 0 ? 1 : failed

for (const { test, diagnostic } of output.failures.slice(0, MAX_FAILURES)) {
  process.stdout.write(`\nFAILED ${test}\n${diagnostic.map((line) => `  ${line}\n`).join('')}`)
}
for (const skip of new Set(output.skips)) process.stdout.write(`SKIPPED ${skip}\n`)
if (inCi && skipped > 0) process.stdout.write('With CI set every skip is a failure.\n')
const allFailed = failedTests + failedChecks + (inCi ? skipped : 0)
process.stdout.write(`\n${passed} passed, ${allFailed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`)
process.exitCode = allFailed === 0 ? 0 : 1

/** Runs tap, showing each test file as it ends. */
async function runTap(files: string[]): Promise<{ code: number; output: TapOutput }> {
  const tap = spawn('tap', ['run', '--reporter=tap', ...files], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<number>((resolve) => {
    tap.once('error', () => resolve(1))
    tap.once('close', (code) => resolve(code ?? 1))
  })
  const reader = createTapReader()
  for await (const line of createInterface({ input: tap.stdout })) {
    const file = reader.line(line)
    if (file === undefined) continue
    const seconds = (file.ms / 1000).toFixed(1).padStart(6)
    process.stdout.write(`${file.passed ? 'ok    ' : 'FAILED'} ${seconds} s  ${file.name}\n`)
  }
  return { code: await ended, output: reader.output }
}
