/** Runs the load generator in a process of its own and reads the memory of the processes under load. */
import { fork } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** Where the id of each message stands in the envelope of an order. */
export const MESSAGE_ID = '{id}'

export type LoadOrder = {
  url: string
  method: 'GET' | 'POST'
  path: string
  headers: Record<string, string>
  bodyBytes: number
  /** A SOAP message in place of random bytes; the body is then its attachment. */
  envelope?: string | undefined
  connections: number
  warmUpSeconds: number
  /**
   * Answered before anything is measured, within its bound: servers run for months, and compile what they do
   * often.
   */
  warmUpRequests?: number
  warmUpMostSeconds?: number
  seconds: number
  /** When requests are still under way then, the load is given up, and says what they wait for. */
  mostSeconds: number
}

/** By default a load has so much longer than it is to take: a large body may take longer than the load. */
const MOST_SECONDS = 60
/** A generator that says nothing so long after its own bound is ended. */
const SILENT_SECONDS = 20

export type LoadResult = {
  perSecond: number
  /** Requests of the whole load, the warm-up included. */
  requests: number
  p50Ms: number
  p99Ms: number
  failure: string | undefined
}

/**
 * Throws with the answer of the first failed exchange, or with what requests wait for when the load does not
 * end.
 */
export function runLoad(
  given: Omit<LoadOrder, 'mostSeconds'> & { mostSeconds?: number },
): Promise<LoadResult> {
  const warmUpSeconds = given.warmUpSeconds + (given.warmUpMostSeconds ?? 0)
  const mostSeconds = given.mostSeconds ?? warmUpSeconds + given.seconds + MOST_SECONDS
  const order: LoadOrder = { ...given, mostSeconds }
  const child = fork(new URL('load.ts', import.meta.url).pathname, [JSON.stringify(order)])
  return new Promise((resolve, reject) => {
    const silent = setTimeout(
      () => {
        child.kill('SIGKILL')
        reject(new Error(`${order.method} ${order.path}: the load generator says nothing`))
      },
      (mostSeconds + SILENT_SECONDS) * 1000,
    )
    child.on('exit', () => clearTimeout(silent))
    child.on('message', (message) => {
      const { result } = message as { result: LoadResult }
      if (result.failure === undefined) resolve(result)
      else reject(new Error(`${order.method} ${order.path} failed: ${result.failure}`))
    })
    child.on('error', reject)
    child.on('exit', (code) => reject(new Error(`the load generator ended with ${code}`)))
  })
}

/** Resident memory of a process in MB; undefined where /proc does not exist. */
export function residentMb(pid: number): number | undefined {
  try {
    const found = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
    return found === null ? undefined : Number(found[1]) / 1024
  } catch {
    return undefined
  }
}

/**
 * Processor time of a process and of its children in microseconds, user and system together; 0 where /proc
 * does not exist.
 */
export function processorMicroseconds(pid: number): number {
  try {
    const own = readdirSync(`/proc/${pid}/task`).map((thread) => {
      const [ran = ''] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')
      return Number(ran) / 1000
    })
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
    const theirs =
      children === '' ? [] : children.split(' ').map((child) => processorMicroseconds(Number(child)))
    return [...own, ...theirs].reduce((sum, one) => sum + one, 0)
  } catch {
    return 0
  }
}
