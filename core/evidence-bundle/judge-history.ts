/**
 * Looks whether what a bundle shows is of one log: one root for each size, one leaf at each index, and each
 * larger state a continuation of the smaller one before it (RFC 9162 section 2.1.4), which `consistency.json`
 * proves.
 */
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import { leafHash } from '#core/merkle/hash.ts'
import { verifyConsistency } from '#core/merkle/proofs.ts'
import { Fault } from '#schemas/fault.ts'
import { type Said, say } from '#schemas/said.ts'
import { type Bundle, CONSISTENCY, type ConsistencyStep } from './bundle.ts'

export type History = {
  /**
   * Why this bundle shows two histories, each of which may be signed, or a proof that does not hold or cannot
   * be read.
   */
  failure: { subIndication: 'HASH_FAILURE' | 'FORMAT_FAILURE'; reason: Said } | undefined
  /** What of the history nothing in the bundle proves, and nothing contradicts. */
  unproved: Said | undefined
}

type Head = { size: number; root: Buffer }

export function judgeHistory(bundle: Bundle): History {
  const heads = new Map<number, Head>()
  const placed = [...bundle.manifest.records, ...bundle.manifest.timeStamps]
  for (const name of new Set(placed.map(({ checkpoint }) => checkpoint))) {
    const head = headOf(bundle.files.get(name)!)
    if (head === undefined) continue
    if (heads.get(head.size)?.root.equals(head.root) === false)
      return failed(
        say`The bundle shows two states of the log of ${head.size} records that contradict each other: its history was forked.`,
      )
    heads.set(head.size, head)
  }
  const leaves = new Map<number, Buffer>()
  for (const { index, form } of placed) {
    const leaf = leafHash(Buffer.from(form))
    if (leaves.get(index)?.equals(leaf) === false)
      return failed(
        say`The bundle shows two records of the log with the index ${index}: its history was forked.`,
      )
    leaves.set(index, leaf)
  }
  return judgeGrowth(
    [...heads.values()].sort((one, other) => one.size - other.size),
    bundle,
  )
}

function judgeGrowth(heads: Head[], { files }: Bundle): History {
  const proof = files.get(CONSISTENCY)
  const given = proof === undefined ? [] : stepsIn(proof)
  if (given === undefined)
    return failed(say`${CONSISTENCY} is not of version 1, in its canonical form.`, 'FORMAT_FAILURE')
  let unproved: Said | undefined
  // A proof that is left out must not hide one that does not hold.
  for (const [i, later] of heads.entries()) {
    const earlier = heads[i - 1]
    if (earlier === undefined) continue
    const [first, second] = [earlier.size, later.size]
    const step = given.find((one) => one.first === first && one.second === second)
    if (step === undefined) {
      unproved ??= say`Every message verifies, but nothing proves that the state of the log of ${second} records continues the one of ${first} records: its history could be forked.`
      continue
    }
    try {
      const path = step.path.map((one) => Buffer.from(one, 'base64'))
      verifyConsistency({ first, second, firstRoot: earlier.root, secondRoot: later.root, proof: path })
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown
      return failed(
        say`The proof that the state of the log of ${second} records continues the one of ${first} records does not hold: its history was forked, or the proof was altered.`,
      )
    }
  }
  return { failure: undefined, unproved }
}

function failed(reason: Said, subIndication: 'HASH_FAILURE' | 'FORMAT_FAILURE' = 'HASH_FAILURE'): History {
  return { failure: { subIndication, reason }, unproved: undefined }
}

/**
 * Undefined unless it is canonical JSON with exactly the members of version 1, canonical base64, and one step
 * for each pair of sizes.
 */
function stepsIn(bytes: Buffer): ConsistencyStep[] | undefined {
  try {
    const value = parseStrictJson(bytes) as { steps: ConsistencyStep[]; version: 1 }
    const members = (of: object): string => Object.keys(of).sort().join()
    const isStep = (one: ConsistencyStep): boolean =>
      members(one) === 'first,path,second' &&
      [one.first, one.second].every(Number.isSafeInteger) &&
      one.path.every(isHash)
    const isVersion1 = members(value) === 'steps,version' && value.version === 1 && value.steps.every(isStep)
    const pairs = new Set(value.steps.map(({ first, second }) => `${first} ${second}`))
    return isVersion1 && pairs.size === value.steps.length && canonicalJson(value) === bytes.toString()
      ? value.steps
      : undefined
  } catch {
    return undefined
  }
}

/** Undefined for a state that cannot be read: the records that name it fail for that. */
function headOf(file: Buffer): Head | undefined {
  try {
    return parseCheckpoint(file.toString())
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    return undefined
  }
}

/** Other texts can decode to the same 32 octets. */
function isHash(text: string): boolean {
  const hash = Buffer.from(text, 'base64')
  return hash.length === 32 && hash.toString('base64') === text
}
