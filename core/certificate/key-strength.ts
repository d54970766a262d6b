/**
 * Which public keys count, and until when weaker ones did. A key is judged by what it can prove at the time in question:
 * only a verifier of old evidence asks for a time that is not now (docs/decisions/key-strength.md).
 */
import type { KeyObject } from 'node:crypto'

const CURVES: ReadonlySet<string> = new Set(['prime256v1', 'secp384r1', 'secp521r1'])

// Above these a single verification is slow enough to be an attack.
const MIN_RSA_BITS = 2048
const MAX_RSA_BITS = 8192
const MAX_RSA_EXPONENT = 0xffff_ffffn

/** NIST SP 800-131A, table 2: signatures by RSA of 1024 to 2047 bits are made until the end of 2013 and not after. */
const PAST_RSA_BITS = 1024
const PAST_RSA_UNTIL = new Date('2013-12-31T23:59:59.999Z')

/** Whether a key is strong enough to count: RSA from 2048 to 8192 bits, or one of the three NIST curves. */
export function isStrongKey(key: KeyObject): boolean {
  const bits = rsaBits(key)
  if (bits !== undefined) return bits >= MIN_RSA_BITS
  return key.asymmetricKeyType === 'ec' && CURVES.has(key.asymmetricKeyDetails?.namedCurve ?? '')
}

/** Until when a key that no longer counts did; undefined for one that counts now and for one that never did. */
export function strongUntil(key: KeyObject): Date | undefined {
  const bits = rsaBits(key)
  return bits !== undefined && bits >= PAST_RSA_BITS && bits < MIN_RSA_BITS ? PAST_RSA_UNTIL : undefined
}

/** The size of an RSA key that is sound otherwise; undefined for other keys. */
function rsaBits(key: KeyObject): number | undefined {
  if (key.asymmetricKeyType !== 'rsa') return undefined
  const { modulusLength: bits = 0, publicExponent: exponent = 0n } = key.asymmetricKeyDetails ?? {}
  const soundExponent = exponent >= 3n && exponent <= MAX_RSA_EXPONENT && (exponent & 1n) === 1n
  return bits <= MAX_RSA_BITS && soundExponent ? bits : 0
}
