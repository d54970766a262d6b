/** Freezes processes for tests (SIGSTOP) until every thread of theirs stands. */
import { readdirSync, readFileSync } from 'node:fs'
import { until } from './until.ts'

const STATES_THAT_STAND = new Set(['T', 't', 'Z', 'X'])

/**
 * Promises that none of the processes does anything from here on until SIGCONT: the signal itself reaches the
 * threads of a busy machine later, and until then they go on answering. A process that has ended meanwhile is
 * left out.
 */
export async function freeze(pids: number[]): Promise<void> {
  for (const pid of pids) send(pid)
  await until('no thread that moves', (saw) => saw(pids.flatMap(threadsThatMove)).length === 0)
}

function send(pid: number): void {
  try {
    process.kill(pid, 'SIGSTOP')
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ESRCH') throw thrown
  }
}

function threadsThatMove(pid: number): string[] {
  const folder = `/proc/${pid}/task`
  return read(() => readdirSync(folder), []).filter((thread) => {
    // The name in the second field may hold anything, a bracket too; the state is the first field after it.
    const stat = read(() => readFileSync(`${folder}/${thread}/stat`, 'utf8'), ') X')
    return !STATES_THAT_STAND.has(stat.slice(stat.lastIndexOf(')') + 2)[0] ?? 'X')
  })
}

function read<T>(what: () => T, ifEnded: T): T {
  try {
    return what()
  } catch (thrown) {
    if (['ENOENT', 'ESRCH'].includes((thrown as NodeJS.ErrnoException).code ?? '')) return ifEnded
    throw thrown
  }
}
