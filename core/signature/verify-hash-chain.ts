/**
 * Verifies that a hash chain leads from the parts of a message, and from nothing else, to the signed or
 * time-stamped result.
 */
import { Fault } from '#schemas/fault.ts'
import { say, type Word } from '#schemas/said.ts'
import { type DigestName, PART_NAME } from '#schemas/wire.ts'
import { followsOwnChain } from './own-hash-chain.ts'
import { type ChainItem, malformed, readHashChain, readHashChainResult } from './read-hash-chain.ts'
import { type StepValue, stepDigest } from './step-digest.ts'

/** A part that was sent or stored; `digest` computes its digest with any algorithm. */
export type ChainPart = { name: string; digest(name: DigestName): Buffer }

type HashChainQuestion = {
  result: Buffer
  chain: Buffer
  /**
   * In order: '/message.xml', '/attachment1' ..., or '/META-INF/signatures.xml' alone for a time-stamp's
   * chain.
   */
  parts: ChainPart[]
  /**
   * Whether the chain may name attachments that are not among the parts: X-Road leaves them out of
   * containers.
   */
  attachmentsMayBeAbsent?: boolean
  /** The file that the result must refer to; by default X-Road's name for this kind of chain. */
  file?: string
}

type DataItem = Extract<ChainItem, { kind: 'data' }>

/**
 * Returns the names of attachments that the chain covers but that are absent. Throws `malformed_hash_chain`,
 * `malformed_signature.invalid_hash_chain_ref` (a digest differs, or a part was not sent),
 * `malformed_signature.hashchain_unused_inputs` (a part is not covered),
 * `malformed_signature.invalid_hash_chain` (the chain leads to another result).
 *
 * Names in a chain are not signed, but the order of the digests is. So the names must agree with that order.
 * All parts must be in one step, as every writer does it: otherwise other messages of the batch could be
 * presented as attachments of this one.
 */
export function verifyHashChain(q: HashChainQuestion): { absent: string[] } {
  if (isOwnChain(q)) return { absent: [] }
  const result = readHashChainResult(q.result)
  const stamp = q.parts[0]?.name === PART_NAME.signatures
  if (result.file !== (q.file ?? (stamp ? PART_NAME.timestampHashChain : PART_NAME.hashChain))) {
    throw invalidReference(say`the result refers to another file`)
  }
  const steps = readHashChain(q.chain)
  const { digest, data } = follow(steps, result.step, result.digest)
  const absent = checkData(data, q)
  checkOrder(data, stamp)
  if (!digest.equals(result.value)) {
    throw new Fault('malformed_signature.invalid_hash_chain', {
      what: say`the chain leads to another result`,
    })
  }
  return { absent }
}

function isOwnChain({ result, chain, parts, file }: HashChainQuestion): boolean {
  if (file !== undefined || parts[0]?.name !== PART_NAME.message) return false
  const digests = parts.map((part) => ({ name: part.name, sha512: part.digest('SHA-512') }))
  return followsOwnChain({ result, chain, parts: digests })
}

/**
 * Computes the digest of a step. Each step can be used only once, so the work is bounded and cycles are
 * impossible.
 */
function follow(
  steps: Map<string, ChainItem[]>,
  first: string,
  firstDigest: DigestName,
): { digest: Buffer; data: DataItem[] } {
  const left = new Map(steps)
  const data: DataItem[] = []
  const digestOf = (id: string, digest: DigestName): Buffer => {
    const items = left.get(id)
    if (items === undefined) throw malformed(say`a step is missing or used twice`)
    left.delete(id)
    // In a tree, a step has one bare digest of others and one item of ours. Among several parts, a bare
    // digest would be a withheld part.
    if (items.length > 2 && items.some(({ kind }) => kind === 'value'))
      throw malformed(say`a bare digest stands among parts`)
    if (data.length > 0 && items.some(({ kind }) => kind === 'data'))
      throw malformed(say`the parts stand in several steps`)
    const values = items.map((item): StepValue => {
      if (item.kind === 'step') return { digest: item.digest, value: digestOf(item.id, item.digest) }
      if (item.kind === 'data') data.push(item)
      return { digest: item.digest, value: item.value }
    })
    return stepDigest(values, digest)
  }
  const digest = digestOf(first, firstDigest)
  if (left.size > 0) throw malformed(say`a step is not used`)
  return { digest, data }
}

function checkData(data: DataItem[], q: HashChainQuestion): string[] {
  const parts = new Map(q.parts.map((part) => [part.name, part]))
  const absent: string[] = []
  for (const { uri, digest, value } of data) {
    const part = parts.get(uri)
    if (part === undefined) absent.push(uri)
    else if (!part.digest(digest).equals(value)) throw invalidReference(say`the digest of a part differs`)
    parts.delete(uri)
  }
  const [uncovered] = parts.keys()
  if (uncovered !== undefined) {
    throw new Fault('malformed_signature.hashchain_unused_inputs', {
      what: say`a part is not in the chain: ${uncovered}`,
    })
  }
  if (absent.length > 0 && q.attachmentsMayBeAbsent !== true) {
    throw invalidReference(say`the chain names a part that is not there`)
  }
  return absent
}

function checkOrder(data: DataItem[], stamp: boolean): void {
  const expected = (index: number): string =>
    stamp ? PART_NAME.signatures : index === 0 ? PART_NAME.message : PART_NAME.attachment(index)
  if (data.some(({ uri }, index) => uri !== expected(index)) || (stamp && data.length !== 1)) {
    throw malformed(say`the parts are not in the order of their names`)
  }
}

function invalidReference(what: Word): Fault {
  return new Fault('malformed_signature.invalid_hash_chain_ref', { what })
}
