/** The current snapshot, and the listeners that are called when its content has changed. */
import type { Clock } from '#platform/clock.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { asFault } from '#schemas/fault.ts'
import type { InstanceCopy } from './instance-copy.ts'
import type { KeptSuspensionList } from './kept-suspension-lists.ts'
import { type ConfigurationSnapshot, createSnapshot } from './snapshot.ts'

type CurrentSnapshot = {
  get(): ConfigurationSnapshot | undefined
  /** `layout` is the folder in X-Road's layout that contains the copies. */
  renew(copies: InstanceCopy[], layout: string): void
  /** The certificates that are revoked by now, by `certificateIn`. */
  revoke(certificates: ReadonlySet<string>): void
  drop(): void
  /** Returns a function that removes the listener. */
  onChange(listener: (snapshot: ConfigurationSnapshot) => void): () => void
}

export function createCurrentSnapshot(q: {
  clock: Clock
  log: Log
  listOf(instance: string): KeptSuspensionList | undefined
}): CurrentSnapshot {
  const listeners = new Set<(snapshot: ConfigurationSnapshot) => void>()
  let snapshot: ConfigurationSnapshot | undefined
  let revoked: ReadonlySet<string> = new Set()
  let last: { copies: InstanceCopy[]; layout: string } | undefined

  function renew(copies: InstanceCopy[], layout: string): void {
    last = { copies, layout }
    const before = snapshot?.version
    snapshot = createSnapshot(copies, layout, q.clock, q.listOf, revoked)
    if (snapshot.version === before) return
    for (const { instance, index } of copies) {
      if (index.warnings.length > 0)
        q.log.warn({ instance, warnings: index.warnings }, 'global configuration')
    }
    for (const listener of listeners) {
      try {
        listener(snapshot)
      } catch (cause) {
        q.log.error({ err: asFault(cause) }, 'a listener to the global configuration failed')
      }
    }
  }

  return {
    get: () => snapshot,
    renew,
    revoke(certificates) {
      revoked = certificates
      if (last !== undefined) renew(last.copies, last.layout)
    },
    drop() {
      snapshot = undefined
      last = undefined
    },
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
