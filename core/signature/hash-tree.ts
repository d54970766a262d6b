/**
 * X-Road's Merkle tree over the messages of one batch (HashChainBuilder). Nodes are in an array: the root at
 * 0, the children of i at 2i+1 and 2i+2, the inputs after the nodes. Incomplete trees have gaps, which are
 * skipped, not filled.
 */
import { stepDigest } from './step-digest.ts'

/**
 * One level of the path from the root to an input: the digest of the sibling, and whether it is on the left.
 */
export type PathStep = { other: Buffer; otherIsLeft: boolean }

type HashTree = { root: Buffer; path(input: number): PathStep[] }

const combine = (left: Buffer, right: Buffer): Buffer =>
  stepDigest(
    [
      { digest: 'SHA-512', value: left },
      { digest: 'SHA-512', value: right },
    ],
    'SHA-512',
  )

/** Builds the tree of at least two SHA-512 digests. */
export function hashTree(inputs: readonly Buffer[]): HashTree {
  const height = Math.ceil(Math.log2(inputs.length))
  const first = 2 ** height - 1
  const nodes: (Buffer | undefined)[] = new Array(first).fill(undefined)
  const size = first + inputs.length
  const get = (index: number): Buffer | undefined => (index < first ? nodes[index] : inputs[index - first])

  const combinePairs = (start: number, end: number): void => {
    for (let at = start; at + 1 < end; at += 2) {
      const [left, right] = [get(at), get(at + 1)]
      if (left === undefined || right === undefined) return
      nodes[(at - 1) >> 1] = combine(left, right)
    }
  }
  combinePairs(first, size)
  for (let start = first >> 1; start > 0; start >>= 1) combinePairs(start, 2 * start + 1)

  // If only a left child exists, it takes the place of its parent. If both exist and the parent is missing,
  // the parent is computed now.
  const complete = (index: number): Buffer | undefined => {
    if (index >= size) return undefined
    const own = get(index)
    if (own !== undefined) return own
    const left = get(2 * index + 1)
    if (left === undefined) return complete(2 * index + 1)
    const right = complete(2 * index + 2)
    if (right === undefined) return left
    const made = combine(left, right)
    nodes[index] = made
    return made
  }
  const root = complete(0) as Buffer

  const path = (input: number): PathStep[] => {
    const steps: PathStep[] = []
    let level = height - 1
    for (let index = 0; index < first; level -= 1) {
      const right = (input >> level) & 1
      let mine = 2 * index + 1 + right
      while (get(mine) === undefined) {
        mine = 2 * mine + 1
        level -= 1
      }
      let other = 2 * index + 2 - right
      while (get(other) === undefined) other = 2 * other + 1
      steps.push({ other: get(other) as Buffer, otherIsLeft: right === 1 })
      index = mine
    }
    return steps
  }
  return { root, path }
}
