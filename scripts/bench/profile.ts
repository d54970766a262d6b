/**
 * What one exchange costs in other measures than time: allocated octets by thread (V8's sampling), system
 * calls (strace, where there is one), and a flame graph of each thread. Each has a round of its own, because
 * each slows the servers down.
 */
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { type Case, load } from './cases.ts'
import { type CpuProfile, flameGraph, topOf } from './flame-graph.ts'
import { type InspectedThread, inspect } from './inspector.ts'
import type { Pairs } from './pairs.ts'

type Order = { folder: string; seconds: number; connections: number }
type Sampled = { selfSize: number; children: Sampled[] }

/** An eighth of the default: enough samples for some thousand exchanges. */
const ALLOCATION_INTERVAL = 4096
const CPU_INTERVAL_US = 500
const MOST_CALLS = 12
const SYNCS = new Set(['fsync', 'fdatasync'])

/** Lines for people; the flame graphs and profiles are files. */
export async function profileCase(one: Case, pairs: Pairs, order: Order): Promise<string[]> {
  mkdirSync(order.folder, { recursive: true })
  const run = async (): Promise<number> =>
    (await load(one, pairs.concordat, order.seconds, order.connections)).requests
  const inspected = await Promise.all(pairs.serverPids.map(inspect))
  try {
    const threads = inspected.flatMap(({ threads: all }, i) =>
      all.map((thread) => ({ thread, name: `${['consumer', 'provider'][i]!}, ${thread.name}` })),
    )
    const allocated = await allocations(threads, run)
    const written = await flameGraphs(one, threads, { folder: order.folder, run })
    return [...allocated, ...written, ...(await systemCalls(pairs.serverPids, order.folder, run))]
  } finally {
    for (const { close } of inspected) close()
  }
}

type Named = { thread: InspectedThread; name: string }

async function allocations(threads: Named[], run: () => Promise<number>): Promise<string[]> {
  const settings = {
    samplingInterval: ALLOCATION_INTERVAL,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  }
  await all(threads, 'HeapProfiler.startSampling', settings)
  const exchanges = await run()
  const profiles = await all(threads, 'HeapProfiler.stopSampling')
  const sizes = profiles.map((result) => sizeOf((result as { profile: { head: Sampled } }).profile.head))
  const text = threads.map(({ name }, i) => `${name} ${(sizes[i]! / exchanges / 1024).toFixed(0)}`)
  return [`allocated in heaps an exchange, KB: ${text.join('; ')}`]
}

function sizeOf({ selfSize, children }: Sampled): number {
  return children.reduce((sum, child) => sum + sizeOf(child), selfSize)
}

async function flameGraphs(
  one: Case,
  threads: Named[],
  { folder, run }: { folder: string; run: () => Promise<number> },
): Promise<string[]> {
  await all(threads, 'Profiler.enable')
  await all(threads, 'Profiler.setSamplingInterval', { interval: CPU_INTERVAL_US })
  await all(threads, 'Profiler.start')
  const exchanges = await run()
  const profiles = await all(threads, 'Profiler.stop')
  await all(threads, 'Profiler.disable')
  return threads.flatMap(({ name }, i) => {
    const { profile } = profiles[i] as { profile: CpuProfile }
    const file = path.join(folder, `${one.name}, ${name}`.replace(/[^a-z0-9]+/gi, '-').toLowerCase())
    writeFileSync(`${file}.cpuprofile`, JSON.stringify(profile))
    writeFileSync(`${file}.svg`, flameGraph(profile, `${one.name}, ${name}, ${exchanges} exchanges`))
    const top = topOf(profile, exchanges).map(([what, us]) => `${what} ${us.toFixed(0)}`)
    return [`${name}, µs by function: ${top.join(', ')}`]
  })
}

function all(threads: Named[], method: string, params?: object): Promise<unknown[]> {
  return Promise.all(threads.map(({ thread }) => thread.send(method, params)))
}

async function systemCalls(pids: number[], folder: string, run: () => Promise<number>): Promise<string[]> {
  if (spawnSync('strace', ['-V']).error !== undefined) return ['system calls: strace is missing']
  const file = path.join(folder, 'strace.txt')
  const tracer = spawn('strace', [
    '-f',
    '-c',
    '-U',
    'calls,name',
    '-o',
    file,
    ...pids.flatMap((pid) => ['-p', String(pid)]),
  ])
  const ended = new Promise((resolve) => tracer.once('exit', resolve))
  const exchanges = await run()
  tracer.kill('SIGINT')
  await ended
  const counts = readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line): [string, number][] => {
      const found = /^\s*(\d+)\s+([a-z]\w*)$/.exec(line)
      return found === null || found[2] === 'total' ? [] : [[found[2]!, Number(found[1]) / exchanges]]
    })
  const sum = (list: [string, number][]): string =>
    list.reduce((total, [, count]) => total + count, 0).toFixed(2)
  const most = counts.toSorted(([, a], [, b]) => b - a).slice(0, MOST_CALLS)
  return [
    `system calls an exchange, both servers: ${sum(counts)}, of them syncs ${sum(counts.filter(([name]) => SYNCS.has(name)))}: ${most
      .map(([name, count]) => `${name} ${count.toFixed(2)}`)
      .join(', ')}`,
  ]
}
