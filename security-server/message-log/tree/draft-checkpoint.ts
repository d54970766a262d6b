/**
 * The tree head as a C2SP checkpoint, signed with the log key. The member's countersignature is added
 * elsewhere (countersign.ts).
 */
import type { KeyObject } from 'node:crypto'
import { noteName, signNote, writeCheckpoint } from '#core/merkle/checkpoint.ts'
import { createCompactRange } from '#core/merkle/compact-range.ts'
import type { Head } from '../hot-store.ts'
import type { LogDatabase } from '../log-store.ts'
import type { CheckpointDraft } from '../worker-api.ts'

/** Undefined when the tree is empty or the newest checkpoint has this size already. */
export async function draftCheckpoint(
  log: Pick<LogDatabase, 'tree'>,
  head: Head,
  origin: string,
  key: KeyObject,
): Promise<CheckpointDraft | undefined> {
  const newest = await log.tree.newestCheckpoint()
  if (head.size === 0 || newest?.size === head.size) return undefined
  const root = createCompactRange(head).root()
  const text = writeCheckpoint({ origin, size: head.size, root })
  return { size: head.size, root, note: signNote(text, noteName(origin), key) }
}
