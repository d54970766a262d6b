/**
 * Of nodes that start for the first time at once one makes the log's keys and its first record, and shares
 * the keys a moment later. Another one that finds the record before it has the keys waits for them, instead
 * of taking them for lost.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { Log } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import { lacksLogKeys } from './message-log/keys/log-keys.ts'

/** A node that has made keys has shared them by then, or died with them. */
const LONGEST_MS = 30_000
const PAUSE_MS = 500

/**
 * Opens the log. `pull` brings the files of other nodes; undefined for a server that is one node. Throws what
 * `open` throws.
 */
export async function withLogKeys<T>(
  open: () => Promise<T>,
  q: {
    folder: string
    pull: (() => Promise<void>) | undefined
    log: Pick<Log, 'info'>
    longestMs?: number
    pauseMs?: number
  },
): Promise<T> {
  const { folder, pull, longestMs = LONGEST_MS, pauseMs = PAUSE_MS } = q
  const until = performance.now() + longestMs
  for (;;) {
    try {
      return await open()
    } catch (thrown) {
      const isWithout = thrown instanceof Fault && thrown.code === 'log_keys_missing'
      if (pull === undefined || !isWithout) throw thrown
      q.log.info('the log has records already: waiting for the keys of the node that began it')
      while (lacksLogKeys(folder)) {
        if (performance.now() > until) throw thrown
        await wait(pauseMs)
        await pull()
      }
    }
  }
}
