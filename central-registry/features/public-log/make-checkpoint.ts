/**
 * Signs the head of the log as a C2SP checkpoint when it has grown. Guarantees that no smaller tree is ever
 * signed after a larger one, that each leaf of a signed tree is durable outside the database, and that a
 * restored log is not signed before those witnesses were asked that can be.
 */
import { signNote, writeCheckpoint } from '#core/merkle/checkpoint.ts'
import type { Clock } from '#platform/clock.ts'
import type { PublishedKeys } from '../../configuration/identity-keys/published-keys.ts'
import { followLeaves } from '../../configuration/transparency-log/follow-leaves.ts'
import type { LeafFile } from '../../configuration/transparency-log/leaf-file.ts'
import type { LogStore } from '../../configuration/transparency-log/store.ts'
import type { PublicLogStore } from './store.ts'

export function createMakeCheckpoint(q: {
  origin: string
  /**
   * Each that others accept signs: who knows only the old one after a replacement, or only the new one, reads
   * the same checkpoint.
   */
  keys: Pick<PublishedKeys, 'signers'>
  log: Pick<LogStore, 'size' | 'rootAt' | 'leaves'>
  leafFile: Pick<LeafFile, 'size' | 'follow'>
  store: Pick<PublicLogStore, 'add'>
  /** Throws when a witness knows more of this log than a tree of this size: see after-restoration.ts. */
  mayGoOn(size: number): Promise<void>
  clock: Clock
}): () => Promise<void> {
  const { origin, keys, log, leafFile, store, clock } = q
  return async () => {
    await followLeaves(leafFile, log)
    // All of this is read before the transaction: a database with one connection lends it to one of them at a
    // time.
    const size = await leafFile.size()
    // An older database that has not got its lost leaves back yet.
    if (size === 0 || (await log.size()) < size) return
    await q.mayGoOn(size)
    const text = writeCheckpoint({ origin, size, root: await log.rootAt(size) })
    const signers = await keys.signers(clock())
    const note = signers.reduce((signed, { key }) => signNote(signed, origin, key), text)
    await store.add((newest) => {
      if (newest !== undefined && size <= newest.size) return undefined
      const made_at = new Date(clock()).toISOString()
      return { size, note, made_at, day: made_at.slice(0, 10) }
    })
  }
}
