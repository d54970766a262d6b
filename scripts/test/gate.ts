/**
 * The gate: check, then every test, each shown as it goes; the last line is `N passed, N failed` with the skipped ones
 * when there are any. With CI set a skip is a failure.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { check } from '#scripts/check.ts'
import { readTotals, skips } from './tap-output.ts'

const OUTPUT = '.work/tap.txt'

const inCi = Boolean(process.env['CI'])
const files = process.argv.slice(2)
mkdirSync('.work', { recursive: true })
rmSync(OUTPUT, { force: true })

const failedChecks = files.length === 0 ? await check({ fix: false }) : 0
process.stdout.write('\n== tests\n')
const tapCode = await runTap(files)
const output = readOutput()
const totals = readTotals(output)
if (tapCode !== 0 && totals.failed === 0) totals.failed = 1

for (const reason of skips(output)) process.stdout.write(`SKIPPED ${reason}\n`)
if (inCi && totals.skipped > 0) process.stdout.write('With CI set every skip is a failure.\n')
const failed = totals.failed + failedChecks + (inCi ? totals.skipped : 0)
const skipped = totals.skipped > 0 ? `, ${totals.skipped} skipped` : ''
process.stdout.write(`\n${totals.passed} passed, ${failed} failed${skipped}\n`)
process.exitCode = failed === 0 ? 0 : 1

function runTap(files: string[]): Promise<number> {
  const reporter = process.stdout.isTTY ? 'base' : 'terse'
  const tap = spawn('tap', ['run', `--reporter=${reporter}`, `--output-file=${OUTPUT}`, ...files], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  return new Promise((resolve) => {
    tap.once('error', () => resolve(1))
    tap.once('exit', (code) => resolve(code ?? 1))
  })
}

function readOutput(): string {
  try {
    return readFileSync(OUTPUT, 'utf8')
  } catch {
    return ''
  }
}
