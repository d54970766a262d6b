/**
 * The validation policy that evidence is judged by (docs/validation-policy.md), as data: until when digests
 * and keys count, and how far clocks may differ. A proof made with an algorithm counts if other evidence
 * proves that it existed before that algorithm's end.
 *
 * Sources: NIST SP 800-131A for RSA below 2048 bits, NIST SP 800-57 part 1 for 2048 (112 bits of strength
 * until 2030), NIST IR 8547 for signatures that a quantum computer breaks (2035). None of them sets an end
 * for SHA-2 of 256 bits and more.
 */
import type { KeyObject } from 'node:crypto'
import type { DigestName } from '#schemas/wire.ts'

type AlgorithmName =
  | 'SHA-256'
  | 'SHA-384'
  | 'SHA-512'
  | 'RSA-1024'
  | 'RSA-2048'
  | 'RSA-3072'
  | 'P-256'
  | 'P-384'
  | 'P-521'

/**
 * Last day on which an algorithm counts (YYYY-MM-DD), or null while no end is known. Unlisted algorithms
 * never count.
 */
export type AlgorithmEnds = Readonly<Record<AlgorithmName, string | null>>

export const ALGORITHM_ENDS: AlgorithmEnds = {
  'SHA-256': null,
  'SHA-384': null,
  'SHA-512': null,
  'RSA-1024': '2013-12-31',
  'RSA-2048': '2030-12-31',
  'RSA-3072': '2035-12-31',
  'P-256': '2035-12-31',
  'P-384': '2035-12-31',
  'P-521': '2035-12-31',
}

/** How far the clocks of signer, responder and time-stamping authority may differ. */
export const CLOCK_TOLERANCE_MS = 5 * 60_000

const CURVES: Record<string, AlgorithmName> = { prime256v1: 'P-256', secp384r1: 'P-384', secp521r1: 'P-521' }

/** The last millisecond at which this digest counts; Infinity without an end, 0 if it never counted. */
export function digestEnd(name: DigestName, ends: AlgorithmEnds = ALGORITHM_ENDS): number {
  return Object.hasOwn(ends, name) ? endOf(ends[name as AlgorithmName]) : 0
}

/** As `digestEnd`, for a public key. */
export function keyEnd(key: KeyObject, ends: AlgorithmEnds = ALGORITHM_ENDS): number {
  const name = keyName(key)
  return name === undefined ? 0 : endOf(ends[name])
}

function keyName(key: KeyObject): AlgorithmName | undefined {
  const { namedCurve = '', modulusLength = 0 } = key.asymmetricKeyDetails ?? {}
  if (key.asymmetricKeyType === 'ec') return CURVES[namedCurve]
  if (key.asymmetricKeyType !== 'rsa' || modulusLength < 1024) return undefined
  return modulusLength < 2048 ? 'RSA-1024' : modulusLength < 3072 ? 'RSA-2048' : 'RSA-3072'
}

function endOf(day: string | null): number {
  return day === null ? Number.POSITIVE_INFINITY : Date.parse(`${day}T23:59:59.999Z`)
}
