/**
 * Decides how a witness answers a submission whose signature it has verified (C2SP tlog-witness,
 * "add-checkpoint"); pure.
 */
import { Fault } from '#schemas/fault.ts'
import type { Submission } from './add-checkpoint.ts'
import { EMPTY_ROOT } from './hash.ts'
import { verifyConsistency } from './proofs.ts'

/** The largest tree of a log that a witness has cosigned; the empty tree for an unknown log. */
export type KnownTree = { size: number; root: Buffer }

export const NOTHING_KNOWN: KnownTree = { size: 0, root: EMPTY_ROOT }

type SubmissionVerdict =
  | { verdict: 'accepted' }
  /** The old size is larger than the checkpoint's. */
  | { verdict: 'senseless' }
  /** The witness knows another size; the log may submit again with a proof from there. */
  | { verdict: 'outdated'; size: number }
  /**
   * The proof does not show that this tree grew from the known one. `isFork`: no proof could, since the sizes
   * are equal and the roots differ.
   */
  | { verdict: 'unproven'; isFork: boolean }

export function judgeSubmission(submission: Submission, known: KnownTree): SubmissionVerdict {
  const { oldSize, proof, checkpoint } = submission
  const { size, root } = checkpoint
  if (oldSize > size) return { verdict: 'senseless' }
  if (oldSize !== known.size) return { verdict: 'outdated', size: known.size }
  const isFork = size === known.size && !root.equals(known.root)
  if (size === 0 && !root.equals(EMPTY_ROOT)) return { verdict: 'unproven', isFork }
  try {
    verifyConsistency({ first: known.size, second: size, firstRoot: known.root, secondRoot: root, proof })
    return { verdict: 'accepted' }
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === 'invalid_proof') return { verdict: 'unproven', isFork }
    throw thrown
  }
}
