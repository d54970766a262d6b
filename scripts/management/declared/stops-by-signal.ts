/**
 * Ctrl-C while something is applied: no further step, and the server is told, so that nobody has to wait for
 * it or wonder.
 */
import { constants } from 'node:os'
import type { ManagementApi } from '../client.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

type Signals = Pick<NodeJS.EventEmitter, 'once' | 'off'> & { exit(code: number): void }

/** `through`: an API that answers no more once a signal came; the process ends when `end` has. */
export function stopsBySignal(
  end: (failure: string) => Promise<unknown>,
  of: Signals = process,
): { through(api: ManagementApi): ManagementApi; off(): void } {
  let isStopped = false
  const stop = async (signal: (typeof SIGNALS)[number]): Promise<void> => {
    isStopped = true
    // A second Ctrl-C ends the process at once.
    off()
    await end(`broken off by ${signal}`).catch(() => undefined)
    of.exit(128 + constants.signals[signal])
  }
  const off = (): void => {
    for (const signal of SIGNALS) of.off(signal, stop)
  }
  for (const signal of SIGNALS) of.once(signal, stop)
  const forever = new Promise<never>(() => undefined)
  return { through: (api) => ({ send: (call) => (isStopped ? forever : api.send(call)) }), off }
}
