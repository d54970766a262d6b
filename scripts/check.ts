/**
 * `concordat check [--fix]`: format and lint, floating promises, types, import rules. Each step is shown; all run even
 * when one fails, so that one run tells everything.
 */
import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { parseArgs } from 'node:util'

const USAGE = `Usage: concordat check [--fix]

Format and lint (biome), floating promises (oxlint), types (tsc), import rules. --fix mends format and what lint can mend.
`

const ROOT = path.join(import.meta.dirname, '..')

export async function run(args: string[]): Promise<number> {
  const options = { fix: { type: 'boolean' }, help: { type: 'boolean' } } as const
  try {
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
  const steps: [name: string, command: string, args: string[]][] = [
    ['format and lint', 'biome', ['check', '--error-on-warnings', ...(q.fix ? ['--write'] : [])]],
    ['promises', 'oxlint', ['--type-aware', '--deny-warnings']],
    ['types', 'tsc', ['--noEmit']],
    ['import rules', process.execPath, ['test/import-rules.test.ts']],
  ]
  if (q.fix) await writeErrors()
  let failed = 0
  for (const [name, command, args] of steps) {
    process.stdout.write(`== ${name}\n`)
    if (!(await succeeds(command, args))) failed++
  }
  return failed
}

async function writeErrors(): Promise<void> {
  const { errorsDocument } = await import('./errors-document.ts')
  await writeFile(path.join(ROOT, 'docs/errors.md'), errorsDocument())
}

/** Shows a command's output only when it failed. */
function succeeds(command: string, args: string[]): Promise<boolean> {
  const binaries = path.join(ROOT, 'node_modules/.bin')
  const env = { ...process.env, PATH: `${binaries}${path.delimiter}${process.env['PATH'] ?? ''}` }
  const child = spawn(command, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const output: Buffer[] = []
  child.stdout.on('data', (data: Buffer) => output.push(data))
  child.stderr.on('data', (data: Buffer) => output.push(data))
  return new Promise((resolve) => {
    child.once('error', () => {
      process.stdout.write(`${command} is missing: run npm ci\n`)
      resolve(false)
    })
    child.once('close', (code) => {
      if (code !== 0) process.stdout.write(Buffer.concat(output))
      resolve(code === 0)
    })
  })
}
