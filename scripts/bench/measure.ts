/** Runs the load generator in a process of its own and reads the memory of the processes under load. */
import { fork } from 'node:child_process'
import { readFileSync } from 'node:fs'

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
  seconds: number
}

export type LoadResult = { perSecond: number; p50Ms: number; p99Ms: number; failure: string | undefined }

/** Throws with the answer of the first failed exchange. */
export function runLoad(order: LoadOrder): Promise<LoadResult> {
  const child = fork(new URL('load.ts', import.meta.url).pathname, [JSON.stringify(order)])
  return new Promise((resolve, reject) => {
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
