/** What processes under load spend: processor time by thread, from /proc. */
import { readdirSync, readFileSync } from 'node:fs'

/**
 * Microseconds by the name of the thread; threads of one name are added up. Empty where /proc does not exist.
 */
export type Spent = Record<string, number>

/** What Linux calls the threads of a server, and what they are. */
const THREADS: [starts: string, name: string][] = [
  ['node-V8Worker', 'V8'],
  ['libuv-worker', 'pool'],
  ['message-log', 'log'],
]

/** Processor time of a process since its start, user and system together. */
function spentBy(pid: number): Spent {
  const spent: Spent = {}
  for (const thread of threadsOf(pid)) {
    const folder = `/proc/${pid}/task/${thread}`
    try {
      const comm = readFileSync(`${folder}/comm`, 'utf8').trim()
      const [ran = ''] = readFileSync(`${folder}/schedstat`, 'utf8').split(' ')
      const known = THREADS.find(([starts]) => comm.startsWith(starts))?.[1]
      const name = known ?? (Number(thread) === pid ? 'main' : 'other')
      spent[name] = (spent[name] ?? 0) + Number(ran) / 1000
    } catch {
      // The thread has ended meanwhile.
    }
  }
  return spent
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
}

/** The spending of all `pids` together while `work` ran, for one of the times that it counts. */
export async function spentEach(pids: number[], work: () => Promise<number>): Promise<Spent> {
  const before = pids.map(spentBy)
  const times = await work()
  const each: Spent = {}
  for (const [i, pid] of pids.entries()) {
    for (const [name, after] of Object.entries(spentBy(pid)))
      each[name] = (each[name] ?? 0) + (after - (before[i]![name] ?? 0)) / Math.max(times, 1)
  }
  return each
}

export function meanSpent(rounds: Spent[]): Spent {
  const names = new Set(rounds.flatMap((spent) => Object.keys(spent)))
  const mean = (name: string): number =>
    rounds.reduce((sum, one) => sum + (one[name] ?? 0), 0) / rounds.length
  return Object.fromEntries([...names].map((name) => [name, mean(name)]))
}

export function totalOf(spent: Spent): number {
  return Object.values(spent).reduce((sum, one) => sum + one, 0)
}

/** `main 520, log 190, V8 50`, for one of `servers`. */
export function spentText(spent: Spent, servers: number): string {
  const parts = Object.entries(spent)
    .map(([name, all]): [string, number] => [name, Math.round(all / servers)])
    .filter(([, one]) => one > 0)
    .sort(([, a], [, b]) => b - a)
  return parts.map(([name, one]) => `${name} ${one}`).join(', ')
}
