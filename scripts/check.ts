/**
 * `concordat check [--fix]`: format and lint, floating promises, types, house rules. All steps run in
 * parallel. Each prints one line, and its output only when it failed, so that one run reports everything.
 */
import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { createTapReader } from './test/tap-output.ts'

const USAGE = `Usage: concordat check [--fix]

Format and lint (biome), floating promises (oxlint), types (tsc), house rules (imports, exports, doors), and whether
schemas of answers are current.

  --fix   mend the format and what lint can mend, and write what is made from other files: docs/errors.md from the fault
          catalogue, schemas of answers from what handlers return
`

const ROOT = path.join(import.meta.dirname, '..')

type Step = {
  name: string
  command: string
  args: string[]
  readable?: (output: string) => string
  tells?: RegExp
}

// Several checkers each look at the types that all files share: one takes two thirds of the processor that
// four take.
const ONE_CHECKER = ['--checkers', '1']
/**
 * For the programs that are written in Go: their memory may grow fivefold between collections, which take a
 * fifth of their time.
 */
const RARE_COLLECTIONS = '400'
/** For the house rules: tap ends a file after 30 seconds, and beside a whole gate they have taken 100. */
const TAP_TIMEOUT_S = '600'
const MEND: Step = { name: 'mending', command: 'biome', args: ['check', '--write'] }
const ANSWERS = 'scripts/answers/write.ts'
const STEPS: Step[] = [
  { name: 'format and lint', command: 'biome', args: ['check', '--error-on-warnings'] },
  { name: 'promises', command: 'oxlint', args: ['--type-aware', '--deny-warnings'] },
  {
    name: 'types',
    command: 'tsc',
    // Of what has not changed since the last check it keeps the result.
    args: ['--noEmit', ...ONE_CHECKER, '--incremental', '--tsBuildInfoFile', '.work/types.tsbuildinfo'],
  },
  { name: 'types of pages', command: 'tsc', args: ['--noEmit', ...ONE_CHECKER, '-p', 'console'] },
  { name: 'schemas of answers', command: process.execPath, args: [ANSWERS, '--check'] },
  {
    name: 'house rules',
    command: process.execPath,
    args: ['test/import-rules.test.ts'],
    readable: failuresOf,
    // Figures about the source code that a successful step prints.
    tells: /^\s*# (.*(?:rooms on|circles of files).*)$/gm,
  },
]

/** Exit code 0 when all checks pass, 1 when one fails, 2 for wrong usage. */
export async function run(args: string[]): Promise<number> {
  try {
    const options = { fix: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const
    const { values } = parseArgs({ args, options })
    if (values.help === true) {
      process.stdout.write(USAGE)
      return 0
    }
    return (await check({ fix: values.fix === true })) === 0 ? 0 : 1
  } catch (thrown) {
    process.stderr.write(`${thrown instanceof Error ? thrown.message : 'wrong usage'}\n\n${USAGE}`)
    return 2
  }
}

/** Runs every step and returns how many failed. */
export async function check(q: { fix: boolean }): Promise<number> {
  if (q.fix) {
    const { errorsDocument } = await import('./errors-document.ts')
    await writeFile(path.join(ROOT, 'docs/errors.md'), errorsDocument())
    // The steps below report what they cannot repair.
    await runStep({ name: 'writing', command: process.execPath, args: [ANSWERS] })
    await runStep(MEND)
  }
  const results = STEPS.map(async (step) => {
    const began = performance.now()
    const { succeeded, output } = await runStep(step)
    const seconds = ((performance.now() - began) / 1000).toFixed(1).padStart(6)
    process.stdout.write(`${succeeded ? 'ok    ' : 'FAILED'} ${seconds} s  ${step.name}\n`)
    if (!succeeded) process.stdout.write(step.readable?.(output) ?? output)
    else if (step.tells !== undefined)
      for (const [, line] of output.matchAll(step.tells)) process.stdout.write(`                 ${line}\n`)
    return succeeded
  })
  return (await Promise.all(results)).filter((succeeded) => !succeeded).length
}

function runStep({ command, args }: Step): Promise<{ succeeded: boolean; output: string }> {
  const binaries = path.join(ROOT, 'node_modules/.bin')
  const PATH = `${binaries}${path.delimiter}${process.env['PATH'] ?? ''}`
  const env = { GOGC: RARE_COLLECTIONS, TAP_TIMEOUT: TAP_TIMEOUT_S, ...process.env, PATH }
  const child = spawn(command, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const output: Buffer[] = []
  child.stdout.on('data', (data: Buffer) => output.push(data))
  child.stderr.on('data', (data: Buffer) => output.push(data))
  return new Promise((resolve) => {
    child.once('error', () =>
      resolve({ succeeded: false, output: `${command} is not installed: run npm ci\n` }),
    )
    child.once('close', (code) =>
      resolve({ succeeded: code === 0, output: Buffer.concat(output).toString() }),
    )
  })
}

/**
 * The failed tests in a TAP stream; the whole stream when it has none, because then the program itself
 * failed.
 */
function failuresOf(tap: string): string {
  const reader = createTapReader()
  for (const line of tap.split('\n')) reader.line(line)
  const { failures } = reader.output
  if (failures.length === 0) return tap
  return failures.map(({ test, diagnostic }) => `${test}\n  ${diagnostic.join('\n  ')}\n`).join('')
}
