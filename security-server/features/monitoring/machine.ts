/**
 * How the machine and this process are, by X-Road's names: measured once a minute, so that a question gets
 * how it was lately and not just how it is. Without /proc what only it tells is left out.
 */
import { readdir, readFile, statfs } from 'node:fs/promises'
import os from 'node:os'
import type { Clock } from '#platform/clock.ts'

const EVERY_MS = 60_000
/** An hour. */
const MOST_SAMPLES = 60
const KIB = 1024

export type Distribution = {
  updated: number
  min: number
  max: number
  mean: number
  median: number
  deviation: number
}

/** A text, a number that hardly changes, or how a number was lately. */
export type Metric = { name: string; is: string | number | Distribution }

export type Machine = { metrics(): Promise<Metric[]>; close(): void }

type Sample = { at: number; values: Map<string, number> }

export function createMachine({ clock, directory }: { clock: Clock; directory: string }): Machine {
  const samples: Sample[] = []
  let processor = processorTimes()
  const measure = async (now: typeof processor): Promise<Sample> => {
    const [busy, all] = [now.busy - processor.busy, now.all - processor.all]
    const values = await changingValues()
    if (all > 0) values.set('SystemCpuLoad', (busy / all) * 100)
    return { at: clock(), values }
  }
  // Only so is the hour one: questions, however many, keep nothing.
  const keep = async (): Promise<void> => {
    const now = processorTimes()
    samples.push(await measure(now))
    processor = now
    if (samples.length > MOST_SAMPLES) samples.shift()
  }
  // What cannot be measured now is measured in a minute.
  const timer = setInterval(() => void keep().catch(() => undefined), EVERY_MS)
  timer.unref()
  return {
    async metrics() {
      const now = await measure(processorTimes())
      return [
        { name: 'OperatingSystem', is: `${os.type()} ${os.release()} ${os.arch()}` },
        { name: 'TotalPhysicalMemory', is: os.totalmem() },
        ...(await fixedOfProc()),
        ...distributions([...samples, now]),
        ...(await space('/', '/')),
        ...(await space('directory', directory)),
      ]
    },
    close: () => clearInterval(timer),
  }
}

async function changingValues(): Promise<Map<string, number>> {
  const values = new Map([
    ['FreePhysicalMemory', os.freemem()],
    ['CommittedVirtualMemory', process.memoryUsage.rss()],
  ])
  const [memory, status, open] = await Promise.all([
    proc('/proc/meminfo'),
    proc('/proc/self/status'),
    readdir('/proc/self/fd').catch(() => undefined),
  ])
  const swap = kibibytes(memory, 'SwapFree')
  if (swap !== undefined) values.set('FreeSwapSpace', swap)
  const size = kibibytes(status, 'VmSize')
  if (size === undefined) values.delete('CommittedVirtualMemory')
  else values.set('CommittedVirtualMemory', size)
  if (open !== undefined) values.set('OpenFileDescriptorCount', open.length)
  return values
}

async function fixedOfProc(): Promise<Metric[]> {
  const [memory, limits] = await Promise.all([proc('/proc/meminfo'), proc('/proc/self/limits')])
  const swap = kibibytes(memory, 'SwapTotal')
  const [, files] = /^Max open files +(\d+)/m.exec(limits) ?? []
  return [
    ...(swap === undefined ? [] : [{ name: 'TotalSwapSpace', is: swap }]),
    ...(files === undefined ? [] : [{ name: 'MaxFileDescriptorCount', is: Number(files) }]),
  ]
}

async function space(name: string, folder: string): Promise<Metric[]> {
  try {
    const { bavail, blocks, bsize } = await statfs(folder)
    return [
      { name: `DiskSpaceTotal_${name}`, is: blocks * bsize },
      { name: `DiskSpaceFree_${name}`, is: bavail * bsize },
    ]
  } catch {
    return []
  }
}

function distributions(samples: Sample[]): Metric[] {
  const newest = samples.at(-1)
  if (newest === undefined) return []
  return [...newest.values.keys()].map((name) => {
    const values = samples.flatMap(({ values: all }) => all.get(name) ?? []).toSorted((a, b) => a - b)
    const mean = values.reduce((sum, one) => sum + one, 0) / values.length
    const squares = values.reduce((sum, one) => sum + (one - mean) ** 2, 0) / values.length
    return {
      name,
      is: {
        ...{ updated: newest.at, min: values[0]!, max: values.at(-1)!, mean },
        ...{ median: values[Math.floor(values.length / 2)]!, deviation: Math.sqrt(squares) },
      },
    }
  })
}

function processorTimes(): { busy: number; all: number } {
  let [busy, all] = [0, 0]
  for (const { times } of os.cpus()) {
    const sum = Object.values(times).reduce((total, one) => total + one, 0)
    all += sum
    busy += sum - times.idle
  }
  return { busy, all }
}

function proc(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '')
}

function kibibytes(text: string, name: string): number | undefined {
  const [, value] = new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(text) ?? []
  return value === undefined ? undefined : Number(value) * KIB
}
