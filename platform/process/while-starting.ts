/**
 * What a server needs may be late at its start: machines boot together, a standby takes over, a busy machine
 * connects slowly. It is waited for.
 */
import type { Log } from '#platform/logging/create-log.ts'

const MOST_MS = 30_000

let starting: { log: Log; mostMs: number; until: number | undefined } | undefined

/**
 * Runs the start of this process: meanwhile `mayWait` is true, for half a minute from the first time that it
 * is asked.
 */
export async function whileStarting<Started>(
  log: Log,
  start: () => Promise<Started>,
  mostMs: number = MOST_MS,
): Promise<Started> {
  starting = { log, mostMs, until: undefined }
  try {
    return await start()
  } finally {
    starting = undefined
  }
}

/** Whether what failed may be tried again, since this process starts; says once that it is waited for. */
export function mayWait(what: string, cause: unknown): boolean {
  if (starting === undefined) return false
  const now = performance.now()
  if (starting.until === undefined) {
    starting.until = now + starting.mostMs
    starting.log.warn({ err: cause, what, forMs: starting.mostMs }, 'not there yet: this start waits for it')
  }
  return now < starting.until
}
