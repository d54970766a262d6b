/** Values of the API that say how long content is kept and what is left of it, as words. */
import type { TextKey } from './text.ts'

export const RETENTION_WORDS: Record<string, TextKey> = {
  PROOF_KEPT: 'retention.proofKept',
  LEAF_ONLY: 'retention.leafOnly',
  CONTAINERS: 'retention.containers',
  TOMBSTONES: 'retention.tombstones',
  NONE: 'retention.noArchive',
}
