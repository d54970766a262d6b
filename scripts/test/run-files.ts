/**
 * Runs test files in parallel in a random order, directly in Node, each in a process of its own or several
 * one after the other in one. No loader changes the modules of a test or of the servers that it starts, so
 * that their compiled code comes from Node's cache. Every file is one subtest of a TAP stream.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { groupFiles, startsSandbox } from './group-files.ts'
import { holdNetwork } from './hold-network.ts'
import { toldProcessorTime } from './processor-time.ts'

const JOBS = 7
/**
 * Tests of a whole sandbox mostly wait for its many processes, and other tests compute: so both run side by
 * side from the beginning to the end. Six of any kind left two processors idle for a sixth of the time. Each
 * place sets up one sandbox, 10 s of a processor: so only these jobs do, as long as the others have something
 * else.
 */
const SANDBOXES_AT_ONCE = 4
/**
 * These take longest, so that the whole run would wait for a late start: they begin within the first half,
 * mixed with others.
 */
const LONGEST = [
  ...['living-sandbox', 'operator-console', 'registry-console', 'auditor-cases', 'auditor-console'],
  ...['contracts', 'crash', 'outage', 'load', 'recovery'],
  ...['nodes', 'by-hand', 'hostile-api', 'witness', 'suspension'],
].map((name) => `test/journeys/${name}.test.ts`)
/**
 * A file may take as long as a busy machine needs. It is ended when it has written nothing for this many
 * milliseconds.
 */
const SILENCE_MS = 600_000
// tap reports what was open when it is asked to end. A process that does not react is killed after this many
// milliseconds.
const KILL_MS = 30_000
/** tap's own limit for a file, far above the time that any file needs. */
const TIMEOUT_S = 7200

/**
 * A file among several in one process: its tests, its point with its time and what it says of a failure, its
 * last lines (run-group.ts).
 */
const ENDED_FILE =
  /^# Subtest: .*\n([\s\S]*)^((?:not )?ok \d+ - .*\n[\s\S]*?)(^# \{ .*\n# processor \d+ ms\n)/m

/** Options for Node before the name of a test file. */
export const BEFORE_FILE = ['--import', new URL('escaped-errors.ts', import.meta.url).href]

export type FileRun = {
  stdout: string
  code: number | null
  signal: NodeJS.Signals | null
  ms: number
}

/**
 * What Node is called with for one file, and for several in one process, named by TEST_FILES; a file is alone
 * if that is said of it.
 */
export type Programs = {
  one(file: string): string[]
  several?: string[]
  isAlone?(file: string): boolean
}

/** Milliseconds of processor time by file, including all processes that it started. */
export type Costs = Map<string, number>

/**
 * Calls `tell` with each line of the stream, and `tellError` with what the files write to their error
 * streams.
 */
export async function runFiles(
  files: string[],
  programs: Programs,
  tell: (line: string) => void,
  tellError: (line: string) => void,
): Promise<Costs> {
  const costs: Costs = new Map()
  const groups = groupFiles(
    files,
    (file) => programs.several === undefined || programs.isAlone?.(file) === true,
  )
  const take = waitingGroups(groups)
  const totals = { total: 0, pass: 0, fail: 0, skip: 0, todo: 0 }
  let number = 0
  tell('TAP version 14')
  // A file can reuse what an earlier file has set up at the same place (test/prepared-sandbox.ts). With few
  // files that would only cost a copy.
  const places = files.length > JOBS ? mkdtempSync(path.join(tmpdir(), 'concordat-places-')) : undefined
  let placeNumber = 0
  const newPlace = async (): Promise<NodeJS.ProcessEnv> =>
    places === undefined
      ? {}
      : { TEST_PLACE: path.join(places, `${++placeNumber}`), TEST_NETWORK: await holdNetwork() }
  const tellFile = (file: string, run: FileRun): boolean => {
    costs.set(file, toldProcessorTime(run.stdout))
    tell(`# Subtest: ${file}`)
    for (const line of run.stdout.split('\n')) if (line !== '') tell(`    ${line}`)
    const { problem, counts } = judgeFile(run)
    for (const name of Object.keys(totals) as (keyof typeof totals)[]) totals[name] += counts[name] ?? 0
    if (problem !== undefined && (counts['fail'] ?? 0) === 0) totals.fail++
    tell(`${problem === undefined ? '' : 'not '}ok ${++number} - ${file} # time=${run.ms}ms`)
    if (problem !== undefined) for (const line of ['---', `problem: ${problem}`, '...']) tell(`  ${line}`)
    return problem === undefined
  }
  const work = async (_: unknown, job: number): Promise<void> => {
    let place = await newPlace()
    for (let group = take(job); group !== undefined; group = take(job)) {
      let left = group
      while (left.length > 0) {
        const isOne = left.length === 1
        const program = isOne ? programs.one(left[0]!) : programs.several!
        const named = isOne ? {} : { TEST_FILES: left.join(path.delimiter) }
        const run = await runProcess({ program, environment: { ...place, ...named } }, tellError)
        const runs = isOne ? [run] : runsOfFiles(run)
        const good = runs.map((one, index) => tellFile(left[index]!, one))
        // A process of a failed file may still run at this place.
        if (good.includes(false)) place = await newPlace()
        // A file that ended the process took these from their turn.
        left = left.slice(runs.length)
      }
    }
  }
  await Promise.all(Array.from({ length: JOBS }, work))
  if (places !== undefined) removePlaces(places, tellError)
  tell(`1..${number}`)
  const told = Object.entries(totals).map(([name, count]) => `${name}: ${count}`)
  tell(`# { ${told.join(', ')} }`)
  return costs
}

/**
 * A file that was killed may have left a file system mounted there; the results of all files are told all the
 * same.
 */
function removePlaces(places: string, tellError: (line: string) => void): void {
  try {
    rmSync(places, { recursive: true, force: true })
  } catch (error) {
    tellError(`${places} could not be removed: ${(error as Error).message}`)
  }
}

/**
 * Whether a file's run is a success: it exited by itself with code 0, after as many successful tests as it
 * planned.
 */
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

/**
 * The runs of the files of one process, as many as began: what it wrote is cut where a file ends. How the
 * process ended is how the last of them ended, unless a file failed, which is why it ended so.
 */
export function runsOfFiles(run: FileRun): FileRun[] {
  const sections = run.stdout.split(/^(?=# Subtest: \S+\.test\.[jt]s$)/m).slice(1)
  // Then the first file is told how the process ended.
  if (sections.length === 0) return [run]
  const runs = sections.map((section) => {
    const [, inside, point, last] = ENDED_FILE.exec(section) ?? []
    if (inside === undefined || point === undefined) return { ...run, stdout: withoutIndent(section) }
    const [, time, unit] = / # time=([\d.]+)(ms|s)/.exec(point) ?? []
    const hasFailed = point.startsWith('not ')
    // Its own point says more only if no test in it failed.
    const more = hasFailed && !/^ {4}not ok/m.test(inside) ? point : ''
    return {
      stdout: `${withoutIndent(inside)}${more}${last}`,
      code: hasFailed ? 1 : 0,
      signal: null,
      ms: Math.round(Number(time ?? 0) * (unit === 's' ? 1000 : 1)),
    }
  })
  if ((run.code === 0 && run.signal === null) || runs.some((one) => one.code !== 0)) return runs
  const { code, signal } = run
  return runs.with(-1, { ...runs.at(-1)!, code, signal, stdout: withoutIndent(sections.at(-1)!) })
}

function withoutIndent(section: string): string {
  return section.replaceAll(/^ {4}/gm, '')
}

async function runProcess(
  q: { program: string[]; environment: NodeJS.ProcessEnv },
  tellError: (line: string) => void,
): Promise<FileRun> {
  const began = performance.now()
  const env = { ...process.env, ...q.environment, TAP: '1', TAP_TIMEOUT: `${TIMEOUT_S}` }
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

/** Returns what gives a job its next files, in a random order. */
function waitingGroups(groups: string[][]): (job: number) => string[] | undefined {
  const shuffled = groups
    .map((group) => ({ group, place: Math.random() * (takesLong(group) ? 0.5 : 1) }))
    .toSorted((a, b) => b.place - a.place)
    .map(({ group }) => group)
  const withSandbox = shuffled.filter(([first]) => startsSandbox(first!))
  const others = shuffled.filter((group) => !withSandbox.includes(group))
  return (job) =>
    job < SANDBOXES_AT_ONCE ? (withSandbox.pop() ?? others.pop()) : (others.pop() ?? withSandbox.pop())
}

function takesLong(group: string[]): boolean {
  return group.length > 1 || LONGEST.includes(group[0]!)
}
