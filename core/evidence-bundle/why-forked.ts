/** Looks whether what a bundle shows can be of one log: one root for each size, and one leaf at each index. */
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import { leafHash } from '#core/merkle/hash.ts'
import { Fault } from '#schemas/fault.ts'
import { type Said, say } from '#schemas/said.ts'
import type { Bundle } from './bundle.ts'

/**
 * Why this bundle shows two histories, each of which may be signed; undefined if it does not. Two states of different sizes, of which one
 * does not continue the other, are not recognised: a bundle has no proof of that, so only witnesses do.
 */
export function whyForked({ manifest, files }: Bundle): Said | undefined {
  const placed = [...manifest.records, ...manifest.timeStamps]
  const roots = new Map<number, Buffer>()
  for (const name of new Set(placed.map(({ checkpoint }) => checkpoint))) {
    const head = headOf(files.get(name)!)
    if (head === undefined) continue
    const other = roots.get(head.size)
    if (other !== undefined && !other.equals(head.root))
      return say`The bundle shows two states of the log of ${head.size} records that contradict each other: its history was forked.`
    roots.set(head.size, head.root)
  }
  const leaves = new Map<number, Buffer>()
  for (const { index, form } of placed) {
    const leaf = leafHash(Buffer.from(form))
    const other = leaves.get(index)
    if (other !== undefined && !other.equals(leaf))
      return say`The bundle shows two records of the log with the index ${index}: its history was forked.`
    leaves.set(index, leaf)
  }
  return undefined
}

/** Undefined for a state that cannot be read: the records that name it fail for that. */
function headOf(file: Buffer): { size: number; root: Buffer } | undefined {
  try {
    return parseCheckpoint(file.toString())
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    return undefined
  }
}
