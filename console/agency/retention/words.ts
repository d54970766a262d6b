/** What is kept of content at its end, in words. */
import type { TextKey } from '../../kit/text.ts'

export type EndMode = 'PROOF_KEPT' | 'LEAF_ONLY'

export const AT_END: Record<EndMode, TextKey> = {
  PROOF_KEPT: 'retention.proofKept',
  LEAF_ONLY: 'retention.leafOnly',
}
