/** Freezes processes for tests (SIGSTOP), and does not return before every thread of theirs stands. */
import { readdirSync, readFileSync } from 'node:fs'

const STATES_THAT_STAND = new Set(['T', 't', 'Z', 'X'])
// A thread that is in a system call may take until its end; only a failing test waits this long.
const DEADLINE_MS = 30_000

/**
 * Promises that none of the processes does anything from here on until SIGCONT: the signal itself reaches the threads of a
 * busy machine later, and until then they go on answering. A process that has ended meanwhile is left out.
 */
export function freeze(pids: number[]): void {
  for (const pid of pids) send(pid)
  const pause = new Int32Array(new SharedArrayBuffer(4))
  const deadline = Date.now() + DEADLINE_MS
  for (;;) {
    const moving = pids.flatMap(threadsThatMove)
    if (moving.length === 0) return
    if (Date.now() > deadline) throw new Error(`still moving after SIGSTOP: threads ${moving.join(', ')}`)
    Atomics.wait(pause, 0, 0, 1)
  }
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
