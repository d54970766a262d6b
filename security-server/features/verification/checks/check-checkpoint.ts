/** Compares checkpoints with the recomputed tree, and verifies their signatures. */
import { createPublicKey } from 'node:crypto'
import { noteName, parseCheckpoint, verifyMemberSignature, verifyNote } from '#core/merkle/checkpoint.ts'
import { say } from '#schemas/said.ts'
import type { StoredCheckpoint } from '../../../message-log/tree/store.ts'
import { inconsistent } from './inconsistent.ts'
import type { StoredLogKey, Trust } from './source.ts'

export type CheckpointToCheck = { size: number; note: string; stored?: StoredCheckpoint }

/**
 * `root` is the root of the first `size` leaves. Returns the origin. Throws `log_inconsistent` or
 * `malformed_checkpoint`.
 */
export function checkCheckpoint(q: {
  checkpoint: CheckpointToCheck
  root: Buffer
  logKeys: StoredLogKey[]
  trust: Trust
  origin: string | undefined
}): string {
  const { checkpoint, root, trust } = q
  const { origin, size, root: signedRoot, note } = parseCheckpoint(checkpoint.note)
  if (q.origin !== undefined && origin !== q.origin) throw inconsistent(say`a checkpoint of another log`)
  const { stored } = checkpoint
  if (size !== checkpoint.size || (stored !== undefined && !stored.root.equals(signedRoot))) {
    throw inconsistent(say`a stored checkpoint is not what was signed`)
  }
  if (!signedRoot.equals(root))
    throw inconsistent(say`the tree of ${size} records is not the one that was signed`)
  const keys = trust.logKey === undefined ? q.logKeys.map((key) => key.checkpoint_key) : [trust.logKey]
  const isSigned = keys.some((der) =>
    verifyNote(note, noteName(origin), createPublicKey({ key: der, format: 'der', type: 'spki' })),
  )
  if (!isSigned) throw inconsistent(say`a checkpoint without the signature of the log key`)
  const members = trust.memberKeys
  if (
    members !== undefined &&
    !members.some((m) => verifyMemberSignature(note, noteName(m.name), m.publicKey))
  ) {
    throw inconsistent(say`a checkpoint without the signature of the member`)
  }
  return origin
}
