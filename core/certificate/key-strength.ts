/**
 * Which public keys are strong enough, and until when weaker keys were. A key is judged for the time in
 * question; only a verifier of old evidence asks about a time in the past (docs/decisions/key-strength.md).
 */
import type { KeyObject } from 'node:crypto'

const CURVES: ReadonlySet<string> = new Set(['prime256v1', 'secp384r1', 'secp521r1'])

// With keys above the upper limits a single verification takes long enough for a denial-of-service attack.
const MIN_RSA_BITS = 2048
const MAX_RSA_BITS = 8192
const MAX_RSA_EXPONENT = 0xffff_ffffn

/** NIST SP 800-131A, table 2: RSA keys of 1024 to 2047 bits may make signatures until the end of 2013. */
const PAST_RSA_BITS = 1024
const PAST_RSA_UNTIL = new Date('2013-12-31T23:59:59.999Z')

/** Whether a key is strong enough today: RSA from 2048 to 8192 bits, or one of the three NIST curves. */
export function isStrongKey(key: KeyObject): boolean {
  const bits = rsaBits(key)
  if (bits !== undefined) return bits >= MIN_RSA_BITS
  return key.asymmetricKeyType === 'ec' && CURVES.has(key.asymmetricKeyDetails?.namedCurve ?? '')
}

/**
 * Until when a key was strong enough that no longer is. Undefined for keys that still are, and for keys that
 * never were.
 */
export function strongUntil(key: KeyObject): Date | undefined {
  const bits = rsaBits(key)
  return bits !== undefined && bits >= PAST_RSA_BITS && bits < MIN_RSA_BITS ? PAST_RSA_UNTIL : undefined
}

/**
 * The size of an RSA key, or 0 if its exponent or size is out of bounds; undefined for other kinds of keys.
 */
function rsaBits(key: KeyObject): number | undefined {
  if (key.asymmetricKeyType !== 'rsa') return undefined
  const { modulusLength: bits = 0, publicExponent: exponent = 0n } = key.asymmetricKeyDetails ?? {}
  const soundExponent = exponent >= 3n && exponent <= MAX_RSA_EXPONENT && (exponent & 1n) === 1n
  return bits <= MAX_RSA_BITS && soundExponent ? bits : 0
}
