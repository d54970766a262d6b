/**
 * Hash chains (hashchain.xsd): one signature or time-stamp over many messages, or over a message with its
 * attachments. Each receiver gets the chain that leads from its own parts to the signed result.
 */
import { hash } from 'node:crypto'
import { PART_NAME } from '#schemas/wire.ts'
import {
  CHAIN_END,
  CHAIN_HEAD,
  chainResult,
  chainStep,
  dataReference,
  hashValue,
  stepReference,
} from './chain-template.ts'
import { hashTree, type PathStep } from './hash-tree.ts'
import { stepDigest } from './step-digest.ts'

export { verifyHashChain } from './verify-hash-chain.ts'

/** The parts of one message in order: '/message.xml', then '/attachment1' and so on; SHA-512 of each. */
export type ChainInput = { name: string; sha512: Buffer }[]

export type HashChains = {
  /** The document that is to be signed or time-stamped. */
  result: Buffer
  /** SHA-512 of `result`. */
  resultDigest: Buffer
  /** The chain document for input `index`. */
  chain(index: number): Buffer
}

/**
 * Chains for messages that are signed together, or for one message with attachments. Needs at least one
 * input.
 */
export function buildHashChains(inputs: ChainInput[]): HashChains {
  return build(inputs, PART_NAME.hashChain)
}

/**
 * Chains for signatures that are time-stamped together, by the SHA-512 of each META-INF/signatures.xml. Needs
 * at least one.
 */
export function buildTimeStampHashChains(signatureDigests: Buffer[]): HashChains {
  return build(
    signatureDigests.map((sha512) => [{ name: PART_NAME.signatures, sha512 }]),
    PART_NAME.timestampHashChain,
  )
}

function build(inputs: ChainInput[], file: string): HashChains {
  const steps = inputs.map(partsDigest)
  // A single input with one part has no tree above it: its chain is one step with one reference.
  const alone = inputs.length === 1
  const tree = alone ? undefined : hashTree(steps.map((step, index) => step ?? inputs[index]![0]!.sha512))
  const top = tree?.root ?? steps[0] ?? oneStep(inputs[0]!)
  const result = Buffer.from(chainResult(file, top.toString('base64')))
  return {
    result,
    resultDigest: hash('sha512', result, 'buffer'),
    chain: (index) => Buffer.from(chainText(inputs[index]!, tree?.path(index) ?? [])),
  }
}

/**
 * The digest with which a message of several parts enters the tree. Undefined for a single part, whose digest
 * enters as it is.
 */
function partsDigest(parts: ChainInput): Buffer | undefined {
  return parts.length === 1 ? undefined : oneStep(parts)
}

function oneStep(parts: ChainInput): Buffer {
  return stepDigest(
    parts.map(({ sha512 }) => ({ digest: 'SHA-512', value: sha512 })),
    'SHA-512',
  )
}

function chainText(parts: ChainInput, path: PathStep[]): string {
  const references = parts.map(({ name, sha512 }) => dataReference(name, sha512.toString('base64'))).join('')
  let text = CHAIN_HEAD
  path.forEach(({ other, otherIsLeft }, index) => {
    const leaf = index === path.length - 1 && parts.length === 1
    const mine = leaf ? references : stepReference(index + 1)
    const value = hashValue(other.toString('base64'))
    text += chainStep(index, otherIsLeft ? value + mine : mine + value)
  })
  if (parts.length > 1 || path.length === 0) text += chainStep(path.length, references)
  return text + CHAIN_END
}
