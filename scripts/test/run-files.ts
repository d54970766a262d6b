/**
 * Runs test files in parallel in a random order, each directly in Node. No loader changes the modules of a test or of the servers
 * that it starts, so that their compiled code comes from Node's cache. Every file is one subtest of a TAP stream.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { toldProcessorTime } from './processor-time.ts'

const JOBS = 7
/**
 * Tests of a whole sandbox mostly wait for its many processes, and other tests compute: so both run side by side from the beginning to the
 * end. Six of any kind left two processors idle for a sixth of the time. Each place sets up one sandbox, 10 s of a processor: so only these
 * jobs do, as long as the others have something else.
 */
const SANDBOXES_AT_ONCE = 4
const STARTS_SANDBOX =
  /(?:from '(?:\.\.\/(?:world|processes|fakes\/stage)|\.\/two-stores)|import '\.\/client-world)\.ts'/
/** These take longest, so that the whole run would wait for a late start: they begin within the first half, mixed with others. */
const LONGEST = ['crash', 'outage', 'load', 'contracts', 'recovery', 'auditor-cases', 'auditor-console'].map(
  (name) => `test/journeys/${name}.test.ts`,
)
/** A file may take as long as a busy machine needs. It is ended when it has written nothing for this many milliseconds. */
const SILENCE_MS = 600_000
// tap reports what was open when it is asked to end. A process that does not react is killed after this many milliseconds.
const KILL_MS = 30_000
/** tap's own limit for a file, far above the time that any file needs. */
const TIMEOUT_S = 7200

/** Options for Node before the name of a test file. */
export const BEFORE_FILE = ['--import', new URL('escaped-errors.ts', import.meta.url).href]

type FileRun = {
  stdout: string
  code: number | null
  signal: NodeJS.Signals | null
  ms: number
}

/** Milliseconds of processor time by file, including all processes that it started. */
export type Costs = Map<string, number>

/**
 * Calls `tell` with each line of the stream, and `tellError` with what the files write to their error streams. `argumentsOf`: what Node is
 * called with for a file.
 */
export async function runFiles(
  files: string[],
  argumentsOf: (file: string) => string[],
  tell: (line: string) => void,
  tellError: (line: string) => void,
): Promise<Costs> {
  const costs: Costs = new Map()
  const take = waitingFiles(files)
  const totals = { total: 0, pass: 0, fail: 0, skip: 0, todo: 0 }
  let number = 0
  tell('TAP version 14')
  // A file can reuse what an earlier file has set up at the same place (test/prepared-sandbox.ts). With few files that would only
  // cost a copy.
  const places = files.length > JOBS ? mkdtempSync(path.join(tmpdir(), 'concordat-places-')) : undefined
  let placeNumber = 0
  const newPlace = (): NodeJS.ProcessEnv =>
    places === undefined ? {} : { TEST_PLACE: path.join(places, `${++placeNumber}`) }
  const work = async (_: unknown, job: number): Promise<void> => {
    let place = newPlace()
    for (let file = take(job); file !== undefined; file = take(job)) {
      const run = await runFile({ program: argumentsOf(file), place }, tellError)
      costs.set(file, toldProcessorTime(run.stdout))
      tell(`# Subtest: ${file}`)
      for (const line of run.stdout.split('\n')) if (line !== '') tell(`    ${line}`)
      const { problem, counts } = judgeFile(run)
      // A process of the failed file may still run at this place.
      if (problem !== undefined) place = newPlace()
      for (const name of Object.keys(totals) as (keyof typeof totals)[]) totals[name] += counts[name] ?? 0
      if (problem !== undefined && (counts['fail'] ?? 0) === 0) totals.fail++
      tell(`${problem === undefined ? '' : 'not '}ok ${++number} - ${file} # time=${run.ms}ms`)
      if (problem !== undefined) for (const line of ['---', `problem: ${problem}`, '...']) tell(`  ${line}`)
    }
  }
  await Promise.all(Array.from({ length: JOBS }, work))
  if (places !== undefined) rmSync(places, { recursive: true, force: true })
  tell(`1..${number}`)
  const told = Object.entries(totals).map(([name, count]) => `${name}: ${count}`)
  tell(`# { ${told.join(', ')} }`)
  return costs
}

/** Whether a file's run is a success: it exited by itself with code 0, after as many successful tests as it planned. */
export function judgeFile({ stdout, code, signal }: Omit<FileRun, 'ms'>): {
  problem: string | undefined
  counts: Record<string, number>
} {
  const lines = stdout.split('\n')
  const planned = lines.flatMap((line) => /^1\.\.(\d+)/.exec(line)?.[1] ?? [])
  const points = lines.filter((line) => /^(not )?ok \d+/.test(line))
  const failed = points.filter((line) => line.startsWith('not ') && !/ # (SKIP|TODO)\b/.test(line))
  const told = lines.findLast((line) => line.startsWith('# { ')) ?? ''
  const counts = Object.fromEntries(
    [...told.matchAll(/(\w+): (\d+)/g)].map(([, name, count]) => [name!, Number(count)]),
  )
  const isComplete = planned.length === 1 && Number(planned[0]) === points.length
  let problem: string | undefined
  if (signal !== null) problem = `it was ended by ${signal}`
  else if (code !== 0) problem = `it ended with exit code ${code}`
  else if (!isComplete)
    problem = `${points.length} tests ended, ${planned.join(' and ') || 'no number'} planned`
  else if (points.length === 0) problem = 'it holds no test'
  else if (failed.length > 0) problem = 'a test failed'
  return { problem, counts }
}

async function runFile(
  q: { program: string[]; place: NodeJS.ProcessEnv },
  tellError: (line: string) => void,
): Promise<FileRun> {
  const began = performance.now()
  const env = { ...process.env, ...q.place, TAP: '1', TAP_TIMEOUT: `${TIMEOUT_S}` }
  const child = spawn(process.execPath, q.program, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const output: Buffer[] = []
  const errors: Buffer[] = []
  const isSilent = (): void => {
    child.kill('SIGTERM')
    late = setTimeout(() => {
      child.kill('SIGKILL')
      // A process that the test left behind may keep these streams open.
      child.stdout.destroy()
      child.stderr.destroy()
    }, KILL_MS)
  }
  let late = setTimeout(isSilent, SILENCE_MS)
  child.stdout.on('data', (bytes: Buffer) => {
    output.push(bytes)
    late.refresh()
  })
  child.stderr.on('data', (bytes: Buffer) => errors.push(bytes))
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  clearTimeout(late)
  for (const line of `${Buffer.concat(errors)}`.split('\n')) if (line !== '') tellError(line)
  return { stdout: `${Buffer.concat(output)}`, code, signal, ms: Math.round(performance.now() - began) }
}

/** Returns what gives a job its next file, in a random order. */
function waitingFiles(files: string[]): (job: number) => string | undefined {
  const shuffled = files
    .map((file) => ({ file, place: Math.random() * (LONGEST.includes(file) ? 0.5 : 1) }))
    .toSorted((a, b) => b.place - a.place)
    .map(({ file }) => file)
  const startsSandbox = (file: string): boolean =>
    existsSync(file) && STARTS_SANDBOX.test(readFileSync(file, 'utf8'))
  const withSandbox = shuffled.filter(startsSandbox)
  const others = shuffled.filter((file) => !withSandbox.includes(file))
  return (job) =>
    job < SANDBOXES_AT_ONCE ? (withSandbox.pop() ?? others.pop()) : (others.pop() ?? withSandbox.pop())
}
