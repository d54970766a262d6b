/**
 * Inclusion and consistency proofs of RFC 9162 sections 2.1.3 and 2.1.4. They are made from complete subtrees
 * only, so the log need store nothing but tiles. `hashAt(level, index)` is the root over leaves index *
 * 2^level to (index + 1) * 2^level - 1.
 */
import { Fault } from '#schemas/fault.ts'
import { foldPeaks } from './compact-range.ts'
import { EMPTY_ROOT, HASH_LENGTH, nodeHash } from './hash.ts'

/** The root of a complete subtree. */
export type NodeReader = (level: number, index: number) => Buffer | Promise<Buffer>

type Range = { begin: number; end: number }

/**
 * The inclusion proof: the siblings on the way from leaf `index` up to the root of the first `size` leaves,
 * lowest first.
 */
export async function inclusionProof(size: number, index: number, hashAt: NodeReader): Promise<Buffer[]> {
  if (!(isSize(size) && isSize(index) && index < size))
    throw new RangeError('no such leaf in a tree of this size')
  const beside: Range[] = []
  let [begin, end] = [0, size]
  while (end - begin > 1) {
    const middle = begin + largestPowerBelow(end - begin)
    beside.push(index < middle ? { begin: middle, end } : { begin, end: middle })
    if (index < middle) end = middle
    else begin = middle
  }
  return rootsOf(beside.reverse(), hashAt)
}

/**
 * The proof that the tree of `second` leaves begins with the tree of `first` leaves; empty for equal sizes
 * and for 0.
 */
export async function consistencyProof(first: number, second: number, hashAt: NodeReader): Promise<Buffer[]> {
  if (!(isSize(first) && isSize(second) && first <= second)) throw new RangeError('a tree does not shrink')
  if (first === 0 || first === second) return []
  const beside: Range[] = []
  let [begin, end] = [0, second]
  while (first !== end) {
    const middle = begin + largestPowerBelow(end - begin)
    beside.push(first <= middle ? { begin: middle, end } : { begin, end: middle })
    if (first <= middle) end = middle
    else begin = middle
  }
  // If the old tree is one complete subtree that begins at leaf 0, the verifier already knows its root.
  if (begin > 0) beside.push({ begin, end })
  return rootsOf(beside.reverse(), hashAt)
}

/**
 * Throws `invalid_proof` unless `proof` shows that `leaf` (a leaf hash) is at `index` of the tree of `size`
 * leaves under `root`.
 */
export function verifyInclusion(q: {
  size: number
  index: number
  leaf: Buffer
  proof: readonly Buffer[]
  root: Buffer
}): void {
  if (!(isSize(q.size) && isSize(q.index) && q.index < q.size)) throw invalid('the index is not in the tree')
  checkLengths([q.leaf, q.root, ...q.proof])
  let [node, last, hash] = [q.index, q.size - 1, q.leaf]
  for (const beside of q.proof) {
    if (last === 0) throw invalid('the proof is too long')
    if (node % 2 === 1 || node === last) {
      hash = nodeHash(beside, hash)
      while (node % 2 === 0 && node !== 0) [node, last] = [node / 2, Math.floor(last / 2)]
    } else {
      hash = nodeHash(hash, beside)
    }
    ;[node, last] = [Math.floor(node / 2), Math.floor(last / 2)]
  }
  if (last !== 0) throw invalid('the proof is too short')
  if (!hash.equals(q.root)) throw invalid('the proof leads to another root')
}

/** Throws `invalid_proof` unless `proof` shows that the second tree begins with the first. */
export function verifyConsistency(q: {
  first: number
  second: number
  firstRoot: Buffer
  secondRoot: Buffer
  proof: readonly Buffer[]
}): void {
  const { first, second, firstRoot, secondRoot } = q
  if (!(isSize(first) && isSize(second) && first <= second))
    throw invalid('the sizes are not those of a growing tree')
  checkLengths([firstRoot, secondRoot, ...q.proof])
  if (first === 0 || first === second) {
    if (q.proof.length > 0) throw invalid('the proof is too long')
    if (!firstRoot.equals(first === second ? secondRoot : EMPTY_ROOT)) throw invalid('the roots differ')
    return
  }
  let [node, last] = [first - 1, second - 1]
  while (node % 2 === 1) [node, last] = [(node - 1) / 2, Math.floor(last / 2)]
  const path = node === 0 ? [firstRoot, ...q.proof] : q.proof
  const [start, ...rest] = path
  if (start === undefined) throw invalid('the proof is too short')
  let [old, grown] = [start, start]
  for (const beside of rest) {
    if (last === 0) throw invalid('the proof is too long')
    if (node % 2 === 1 || node === last) {
      old = nodeHash(beside, old)
      grown = nodeHash(beside, grown)
      while (node % 2 === 0 && node !== 0) [node, last] = [node / 2, Math.floor(last / 2)]
    } else {
      grown = nodeHash(grown, beside)
    }
    ;[node, last] = [Math.floor(node / 2), Math.floor(last / 2)]
  }
  if (last !== 0) throw invalid('the proof is too short')
  if (!old.equals(firstRoot) || !grown.equals(secondRoot)) throw invalid('the proof leads to other roots')
}

async function rootsOf(ranges: Range[], hashAt: NodeReader): Promise<Buffer[]> {
  const roots: Buffer[] = []
  for (const range of ranges) roots.push(await rootOf(range, hashAt))
  return roots
}

// A range of a proof begins at a multiple of each of its subtrees, so the binary form of its length gives the
// subtrees.
async function rootOf({ begin, end }: Range, hashAt: NodeReader): Promise<Buffer> {
  const peaks: Buffer[] = []
  for (let at = begin; at < end; ) {
    let [level, width] = [0, 1]
    for (; width * 2 <= end - at; width *= 2) level++
    peaks.push(await hashAt(level, at / width))
    at += width
  }
  return foldPeaks(peaks)
}

function largestPowerBelow(count: number): number {
  let power = 1
  while (power * 2 < count) power *= 2
  return power
}

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

function checkLengths(hashes: readonly Buffer[]): void {
  if (hashes.some((hash) => hash.length !== HASH_LENGTH)) throw invalid('a hash is not 32 octets long')
}

function invalid(what: string): Fault {
  return new Fault('invalid_proof', { what })
}
