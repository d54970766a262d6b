/**
 * The fast way to verify a hash chain that has exactly the bytes of this project's writer: it compares while
 * it follows the chain, and keeps digests as text. It gives no verdict on any other chain:
 * `read-hash-chain.ts` and `verify-hash-chain.ts` do.
 */
import { PART_NAME } from '#schemas/wire.ts'
import {
  CHAIN_END,
  CHAIN_HEAD,
  CHAIN_PIECE,
  chainResult,
  dataReference,
  stepReference,
} from './chain-template.ts'
import { CHAIN_LIMIT } from './read-hash-chain.ts'
import { pairDigest, stepDigest } from './step-digest.ts'

/** Canonical base64 of SHA-512: the last letter has four unused bits. */
const SHA512_BASE64 = /^[A-Za-z0-9+/]{85}[AQgw]==$/
const SHA512_LETTERS = 88

/** A step of two digests: ours, which results from the steps below, and another one. */
type Level = { other: string; otherIsLeft: boolean }

const STEPS = Array.from({ length: CHAIN_LIMIT.steps }, (_, index) => ({
  begin: CHAIN_PIECE.step.join(`STEP${index}`),
  next: stepReference(index + 1),
}))

/**
 * Whether the chain leads from exactly these parts, message first, to exactly this result. True:
 * verifyHashChain would accept it too. False: unknown.
 */
export function followsOwnChain(q: {
  result: Buffer
  chain: Buffer
  parts: readonly { name: string; sha512: Buffer }[]
}): boolean {
  const { parts } = q
  if (
    parts.some(({ name }, index) => name !== (index === 0 ? PART_NAME.message : PART_NAME.attachment(index)))
  )
    return false
  const digests = parts.map(({ sha512 }) => sha512.toString('base64'))
  const references = parts.map(({ name }, index) => dataReference(name, digests[index]!)).join('')
  const levels = readLevels(q.chain, references, parts.length)
  if (levels === undefined) return false
  let mine = levels.endsInOwnStep
    ? stepDigest(
        parts.map(({ sha512 }) => ({ digest: 'SHA-512', value: sha512 })),
        'SHA-512',
      ).toString('base64')
    : digests[0]!
  for (let at = levels.path.length - 1; at >= 0; at--) {
    const { other, otherIsLeft } = levels.path[at]!
    mine = otherIsLeft ? pairDigest(other, mine) : pairDigest(mine, other)
  }
  return q.result.toString('latin1') === chainResult(PART_NAME.hashChain, mine)
}

/**
 * The levels from the root down. `references` must be in the lowest step, alone or (for one part) next to a
 * digest.
 */
function readLevels(
  chain: Buffer,
  references: string,
  parts: number,
): { path: Level[]; endsInOwnStep: boolean } | undefined {
  if (chain.length > CHAIN_LIMIT.bytes) return undefined
  const source = chain.toString('latin1')
  if (!source.startsWith(CHAIN_HEAD)) return undefined
  let at = CHAIN_HEAD.length
  const text = (expected: string): boolean => {
    if (!source.startsWith(expected, at)) return false
    at += expected.length
    return true
  }
  const value = (): string | undefined => {
    if (!text(CHAIN_PIECE.value)) return undefined
    const base64 = source.slice(at, at + SHA512_LETTERS)
    at += SHA512_LETTERS
    return SHA512_BASE64.test(base64) && text(CHAIN_PIECE.valueEnd) ? base64 : undefined
  }
  const path: Level[] = []
  for (const { begin, next } of STEPS) {
    if (!text(begin)) return undefined
    const left = value()
    const isLowest = text(references)
    if (!isLowest && !text(next)) return undefined
    const right = left === undefined ? value() : undefined
    if (!text(CHAIN_PIECE.stepEnd)) return undefined
    const other = left ?? right
    if (other !== undefined) path.push({ other, otherIsLeft: left !== undefined })
    // Our writer never prints a step with only a reference to the next step, nor several parts next to a
    // digest.
    if (isLowest ? other !== undefined && parts > 1 : other === undefined) return undefined
    if (isLowest)
      return source.slice(at) === CHAIN_END ? { path, endsInOwnStep: other === undefined } : undefined
  }
  return undefined
}
