/**
 * The hash trees of archive time-stamps (RFC 4998 section 4.2). One time-stamp covers many objects; each
 * object has the lists of hashes that lead from it to the root.
 */
import { digestOf } from '#core/timestamp/digest.ts'
import type { DigestName } from '#schemas/wire.ts'

type HashTree = {
  root: Buffer
  /** The reduced hash tree of each leaf, in the order of the leaves; empty if the leaf is the root itself. */
  reduced: Buffer[][][]
}

/** A binary tree over at least one hash; an odd node at the end of a level moves up unchanged. */
export function buildHashTree(leaves: readonly Buffer[], digest: DigestName): HashTree {
  const reduced: Buffer[][][] = leaves.map(() => [])
  let level = leaves.map((hash, leaf) => ({ hash, leaves: [leaf] }))
  while (level.length > 1) {
    const above: typeof level = []
    for (let at = 0; at < level.length; at += 2) {
      const [left, right] = [level[at]!, level[at + 1]]
      if (right === undefined) {
        above.push(left)
        continue
      }
      for (const [node, sibling] of [
        [left, right],
        [right, left],
      ] as const) {
        for (const leaf of node.leaves) {
          const lists = reduced[leaf]!
          lists.push(lists.length === 0 ? inOrder([leaves[leaf]!, sibling.hash]) : [sibling.hash])
        }
      }
      above.push({
        hash: fatherOf([left.hash, right.hash], digest),
        leaves: [...left.leaves, ...right.leaves],
      })
    }
    level = above
  }
  return { root: level[0]!.hash, reduced }
}

/**
 * The root to which the lists lead from `hash` (section 4.3); undefined if the first list does not contain
 * the hash. Without lists the hash is the root.
 */
export function rootOf(hash: Buffer, lists: Buffer[][], digest: DigestName): Buffer | undefined {
  const [first, ...rest] = lists
  if (first === undefined) return hash
  if (!first.some((one) => one.equals(hash))) return undefined
  return rest.reduce((node, list) => fatherOf([...list, node], digest), fatherOf(first, digest))
}

/**
 * The parent of some hashes; a single hash is its own parent, since it is not hashed again (section 4.2.1).
 */
function fatherOf(hashes: Buffer[], digest: DigestName): Buffer {
  return hashes.length === 1 ? hashes[0]! : digestOf(digest, Buffer.concat(inOrder(hashes)))
}

function inOrder(hashes: Buffer[]): Buffer[] {
  return [...hashes].sort(Buffer.compare)
}
