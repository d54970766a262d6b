/**
 * Rows that were sealed under an older line of the cluster key are sealed under the one that seals now, so
 * that the older line can go. A row keeps its number: for the nodes nothing has changed.
 */
import { type ClusterKeys, sealingKey } from './cluster-key.ts'
import { keyOf, openFile, sealFile } from './seal-file.ts'
import type { SharedFileStore } from './store.ts'

/**
 * What one pass over all rows did. `left`: rows under a key that is not here. Altered ones count for nothing:
 * no key opens them.
 */
export type SealedAnew = { sealed: number; left: number }

/** Leaves a row that another node changes meanwhile, which seals it under its own newest key. */
export async function sealFilesAnew(q: {
  store: Pick<SharedFileStore, 'after' | 'replaceSealed'>
  keys: ClusterKeys
  scope: string
}): Promise<SealedAnew> {
  const { store, keys, scope } = q
  const newest = sealingKey(keys).id
  const done = { sealed: 0, left: 0 }
  for (const { name, change, sealed } of await store.after(0)) {
    if (keyOf(sealed) === newest) continue
    const bound = { scope, name, change }
    const opened = openFile(keys, bound, sealed)
    if ('failure' in opened) {
      if (opened.failure === 'key') done.left++
    } else if (
      await store.replaceSealed({ name, before: sealed, sealed: sealFile(keys, bound, opened.content) })
    )
      done.sealed++
  }
  return done
}
