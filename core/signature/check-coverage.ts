/**
 * Checks that a signature covers every part of a message; otherwise the message is refused. X-Road follows
 * the references of a signature, but does not check what they leave out (SignatureVerifier).
 */
import { hash } from 'node:crypto'
import { Fault } from '#schemas/fault.ts'
import { say, type Word } from '#schemas/said.ts'
import { PART_NAME } from '#schemas/wire.ts'
import { nodeDigest } from './algorithms.ts'
import type { CheckedSignature } from './checked-signature.ts'
import { type ChainPart, verifyHashChain } from './verify-hash-chain.ts'

type CoverageQuestion = {
  signature: Pick<CheckedSignature, 'references'>
  /** The parts that were sent, in order: '/message.xml', '/attachment1' ... */
  parts: ChainPart[]
  hashChainResult?: Buffer | undefined
  hashChain?: Buffer | undefined
  /** For containers: a chain may name attachments that are absent. */
  attachmentsMayBeAbsent?: boolean
}

/**
 * Returns the names of attachments that are covered but absent. Throws `uncovered_part` for a part that is
 * not covered, `invalid_reference` when a digest differs or a referenced part is absent, and the faults of
 * verifyHashChain.
 */
export function checkCoverage(q: CoverageQuestion): { absent: string[] } {
  const { references } = q.signature
  const chained = references.find(({ uri }) => uri === PART_NAME.hashChainResult)
  if (chained === undefined) {
    if (q.hashChainResult !== undefined || q.hashChain !== undefined) throw uncovered(say`the hash chain`)
    checkReferences(q)
    return { absent: [] }
  }
  // A second reference besides the chain would make two claims about one message.
  if (references.length > 1) {
    throw new Fault('malformed_signature', { what: say`it refers to a hash chain and to parts as well` })
  }
  const { hashChainResult, hashChain, parts, attachmentsMayBeAbsent = false } = q
  if (hashChainResult === undefined || hashChain === undefined) {
    throw new Fault('malformed_signature.invalid_hash_chain_ref', { what: say`the hash chain was not sent` })
  }
  // The chain is checked first, as in X-Road: a broken chain is reported as such even if its result was
  // altered too.
  const covered = verifyHashChain({
    result: hashChainResult,
    chain: hashChain,
    parts,
    attachmentsMayBeAbsent,
  })
  const digest = hash(nodeDigest(chained.digest), hashChainResult, 'buffer')
  if (!digest.equals(chained.value)) throw invalid(PART_NAME.hashChainResult)
  return covered
}

function checkReferences({ signature: { references }, parts }: CoverageQuestion): void {
  const byName = new Map(parts.map((part) => [part.name, part]))
  for (const { uri, digest, value } of references) {
    const part = byName.get(uri)
    if (part === undefined) {
      throw new Fault('invalid_reference', { what: say`${uri} is signed but was not sent` })
    }
    if (!part.digest(digest).equals(value)) throw invalid(uri)
    byName.delete(uri)
  }
  const [left] = byName.keys()
  if (left !== undefined) throw uncovered(left)
}

function invalid(name: string): Fault {
  return new Fault('invalid_reference', { what: say`the digest of the part ${name} differs` })
}

function uncovered(what: Word): Fault {
  return new Fault('uncovered_part', { what })
}
