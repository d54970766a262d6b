/**
 * The right edge of a growing tree: the roots of its complete subtrees, largest first. With these (at most 53
 * hashes for any log) a leaf can be appended and the root computed.
 */
import { Fault } from '#schemas/fault.ts'
import { EMPTY_ROOT, HASH_LENGTH, nodeHash } from './hash.ts'

/**
 * A tree of `size` leaves. There is one peak for each 1 in the binary form of the size, the largest subtree
 * first.
 */
type TreeEdge = { size: number; peaks: Buffer[] }

export type CompactRange = {
  /** Appends a leaf hash at position `size`. */
  append(leaf: Buffer): void
  readonly size: number
  /** A copy that later appends do not change. */
  readonly peaks: Buffer[]
  /** The root as in RFC 9162 section 2.1.1. */
  root(): Buffer
}

/**
 * Continues from `edge`, or starts with an empty tree. Throws `log_inconsistent` when peaks and size
 * disagree.
 */
export function createCompactRange(edge: TreeEdge = { size: 0, peaks: [] }): CompactRange {
  let { size } = edge
  const peaks = [...edge.peaks]
  if (
    !Number.isSafeInteger(size) ||
    size < 0 ||
    peaks.length !== ones(size) ||
    peaks.some((peak) => peak.length !== HASH_LENGTH)
  ) {
    throw new Fault('log_inconsistent', { what: 'the peaks of the tree do not fit its size' })
  }
  return {
    append(leaf) {
      if (leaf.length !== HASH_LENGTH) throw new TypeError('a leaf hash has 32 octets')
      let node = leaf
      // Each trailing 1 of the size is a peak as large as the new node: the two are merged.
      for (let rest = size; rest % 2 === 1; rest = (rest - 1) / 2)
        node = nodeHash(peaks.pop() as Buffer, node)
      peaks.push(node)
      size++
    },
    get size() {
      return size
    },
    get peaks() {
      return [...peaks]
    },
    root: () => foldPeaks(peaks),
  }
}

/**
 * The root over the peaks of a tree, or of a range that begins at a multiple of its largest complete subtree.
 */
export function foldPeaks(peaks: readonly Buffer[]): Buffer {
  const last = peaks.at(-1)
  if (last === undefined) return EMPTY_ROOT
  let root = last
  for (let i = peaks.length - 2; i >= 0; i--) root = nodeHash(peaks[i] as Buffer, root)
  return root
}

function ones(size: number): number {
  let count = 0
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) count += rest % 2
  return count
}
