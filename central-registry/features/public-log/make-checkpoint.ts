/** Signs the head of the log as a C2SP checkpoint when it has grown. Guarantees that no smaller tree is ever signed after a larger one. */
import type { KeyObject } from 'node:crypto'
import { signNote, writeCheckpoint } from '#core/merkle/checkpoint.ts'
import type { Clock } from '#platform/clock.ts'
import type { LogStore } from '../../configuration/transparency-log/store.ts'
import type { PublicLogStore } from './store.ts'

export function createMakeCheckpoint(q: {
  origin: string
  key: KeyObject
  log: Pick<LogStore, 'size' | 'rootAt'>
  store: Pick<PublicLogStore, 'add'>
  clock: Clock
}): () => Promise<void> {
  const { origin, key, log, store, clock } = q
  return async () => {
    // Read before the transaction: a database with one connection lends it to one of them at a time.
    const size = await log.size()
    if (size === 0) return
    const note = signNote(writeCheckpoint({ origin, size, root: await log.rootAt(size) }), origin, key)
    await store.add((newest) => {
      if (newest !== undefined && size <= newest.size) return undefined
      const made_at = new Date(clock()).toISOString()
      return { size, note, made_at, day: made_at.slice(0, 10) }
    })
  }
}
