/** Probes the servers that are due, several at the same time, and stores the results. */
import type { Clock } from '#platform/clock.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { asFault } from '#schemas/fault.ts'
import type { ProbeServer } from './client.ts'
import type { Probe } from './rules.ts'
import type { FleetStore } from './store.ts'

const AT_ONCE = 32
/** Servers per run. A large country needs several runs; a probe takes ten seconds at most. */
const MOST_IN_A_RUN = 500

export function createProbing(q: {
  store: Pick<FleetStore, 'dueForProbe' | 'keepProbe' | 'address'>
  probe: ProbeServer
  /** Seconds between two probes of a server; 0: only on demand. */
  everySeconds: number
  clock: Clock
  log: Log
}): { due(signal: AbortSignal): Promise<void>; now(server: string): Promise<Probe> } {
  const { store, probe, clock } = q
  const one = async (server: string, address: string): Promise<Probe> => {
    const found = await probe(address)
    await store.keepProbe({ server, address, probe: found }, clock())
    return found
  }
  return {
    async due(signal) {
      if (q.everySeconds === 0) return
      const before = new Date(clock() - q.everySeconds * 1000).toISOString()
      const waiting = await store.dueForProbe(before, MOST_IN_A_RUN)
      const next = async (): Promise<void> => {
        for (let at = waiting.shift(); at !== undefined && !signal.aborted; at = waiting.shift()) {
          await one(at.id, at.address).catch((thrown: unknown) => {
            // The server left the register meanwhile, or the database failed; the next run tries again.
            const { code, detail } = asFault(thrown)
            q.log.warn({ err: thrown, code, detail }, 'how a server was reached could not be kept')
          })
        }
      }
      await Promise.all(Array.from({ length: AT_ONCE }, next))
    },
    /** Probes at once. Throws `not_found`. */
    now: async (server) => one(server, await store.address(server)),
  }
}
