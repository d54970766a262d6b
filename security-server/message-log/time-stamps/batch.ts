/**
 * One time-stamp request: over the SignatureValue when one document waits, over a hash chain result when
 * several do (X-Road's batch form, SHA-512 of each signatures.xml).
 */
import { hash } from 'node:crypto'
import { buildTimeStampHashChains, type HashChains } from '#core/signature/hash-chain.ts'
import { Fault } from '#schemas/fault.ts'
import type { RecordStore } from '../records/store.ts'

/** Building the chain of this many takes some 10 ms, during which the log's thread accepts no records. */
export const MAX_BATCH = 2_048

export type TimeStampBatch = {
  firstId: number
  lastId: number
  /** SHA-512 of each document, concatenated. */
  digests: Buffer
  hashChainResult: Buffer | undefined
  /** The SHA-512 that the authority stamps. */
  imprint: Buffer
}

const DIGEST = 64

/** The next documents after `lastStamped` of the first `size` records; undefined when none waits. */
export async function nextBatch(
  records: RecordStore,
  lastStamped: number,
  limit: number,
  size: number,
): Promise<TimeStampBatch | undefined> {
  const after = await records.documentsAfter(lastStamped, Math.min(limit, MAX_BATCH))
  const waiting = after.filter(({ id }) => id < size)
  const [first] = waiting
  const last = waiting.at(-1)
  if (first === undefined || last === undefined) return undefined
  const digests = Buffer.concat(waiting.map(({ digest }) => digest))
  const shape = { firstId: first.id, lastId: last.id, digests }
  if (waiting.length === 1) {
    const stored = await records.document(first.id)
    const value = await signatureValueOf(stored!.document)
    if (value !== undefined) {
      return { ...shape, hashChainResult: undefined, imprint: hash('sha512', value, 'buffer') }
    }
  }
  const { result, resultDigest } = buildTimeStampHashChains(waiting.map(({ digest }) => digest))
  return { ...shape, hashChainResult: result, imprint: resultDigest }
}

/**
 * Undefined for a document that cannot be read: it is logged evidence all the same, so the batch form is
 * used.
 */
async function signatureValueOf(document: Buffer): Promise<Buffer | undefined> {
  // The modules that read signatures are needed only here: a log that is never idle does not load them.
  const { checkSignature } = await import('#core/signature/verify-signature.ts')
  try {
    return (await checkSignature(document)).signatureValue
  } catch (thrown) {
    if (thrown instanceof Fault) return undefined
    throw thrown
  }
}

let lastTree: { digests: Buffer; positions: Map<string, number>; chains: HashChains } | undefined

/**
 * The hash chain from one document to the batch's result. The tree of the last batch is cached, because
 * neighbours share a batch.
 */
export function chainOf(digests: Buffer, digest: Buffer): Buffer {
  if (lastTree?.digests.equals(digests) !== true) {
    const all = splitDigests(digests)
    const positions = new Map(all.map((each, position) => [each.toString('latin1'), position]))
    lastTree = { digests, positions, chains: buildTimeStampHashChains(all) }
  }
  const position = lastTree.positions.get(digest.toString('latin1'))
  if (position === undefined)
    throw new Fault('log_inconsistent', { what: 'a signature is not in its time-stamp batch' })
  return lastTree.chains.chain(position)
}

export function splitDigests(digests: Buffer): Buffer[] {
  if (digests.length === 0 || digests.length % DIGEST !== 0) {
    throw new Fault('log_inconsistent', { what: 'the digests of a time-stamp batch' })
  }
  return Array.from({ length: digests.length / DIGEST }, (_, i) =>
    digests.subarray(i * DIGEST, (i + 1) * DIGEST),
  )
}
