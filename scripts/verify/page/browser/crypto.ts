/**
 * The part of node:crypto that verifying evidence uses: digests, HMAC, public keys, and verifying signatures.
 * It is synchronous, as core needs it (WebCrypto is not), and the same in every browser. It cannot sign.
 */
import { ed25519 } from '@noble/curves/ed25519.js'
import { hmac } from '@noble/hashes/hmac.js'
import { children, expectTag, parseDer, readInteger, TAG } from '#core/asn1/der.ts'
import { digestBy, digestLength, digestName, digestOf } from './digest.ts'
import { CURVES, createPublicKey, KeyObject } from './public-key.ts'
import { bigintOf, verifyPkcs1, verifyPss } from './rsa.ts'

export { createPublicKey, KeyObject }

export const constants = {
  RSA_PKCS1_PADDING: 1,
  RSA_PKCS1_PSS_PADDING: 6,
  RSA_PSS_SALTLEN_DIGEST: -1,
} as const

type Encoding = 'hex' | 'base64' | 'base64url' | 'latin1' | 'buffer'
type Data = string | Uint8Array

/** The one-shot digest of node:crypto. */
export function hash(name: string, data: Data, encoding: Encoding = 'hex'): Buffer | string {
  return encoded(digestOf(digestName(name), octetsOf(data)), encoding)
}

export type Hash = { update(data: Data): Hash; digest(encoding?: Encoding): Buffer | string }

export function createHash(name: string): Hash {
  return streamed(digestBy(name).create())
}

export function createHmac(name: string, key: Data): Hash {
  return streamed(hmac.create(digestBy(name), octetsOf(key)))
}

function streamed(inner: { update(data: Uint8Array): unknown; digest(): Uint8Array }): Hash {
  const outer: Hash = {
    update(data) {
      inner.update(octetsOf(data))
      return outer
    },
    digest: (encoding = 'buffer') => encoded(inner.digest(), encoding),
  }
  return outer
}

type KeyOptions = {
  key: KeyObject
  padding?: number
  saltLength?: number
  dsaEncoding?: 'der' | 'ieee-p1363'
}

/**
 * Whether the key's owner signed `data`; false for a malformed signature. Throws for a key that cannot
 * verify.
 */
export function verify(
  name: string | null | undefined,
  data: Uint8Array,
  key: KeyObject | KeyOptions,
  signature: Uint8Array,
): boolean {
  const options: KeyOptions = key instanceof KeyObject ? { key } : key
  const { numbers } = options.key
  if (numbers.kind === 'ed25519') return verifyEd25519(numbers.octets, data, signature)
  if (numbers.kind === 'ec') return verifyEcdsa(options, numbers, digestName(name ?? ''), data, signature)
  if (numbers.kind !== 'rsa') throw new Error('a key that verifies nothing')
  const digest = digestName(name ?? '')
  const isPss = options.padding === constants.RSA_PKCS1_PSS_PADDING
  if (!isPss) {
    if (options.key.asymmetricKeyType === 'rsa-pss') throw new Error('illegal or unsupported padding mode')
    return verifyPkcs1(numbers.key, digest, data, signature)
  }
  const saltLength =
    options.saltLength === undefined || options.saltLength === constants.RSA_PSS_SALTLEN_DIGEST
      ? digestLength(digest)
      : options.saltLength
  const { pss } = numbers
  if (pss !== undefined && pss.digest !== digest) throw new Error('digest not allowed')
  if (pss !== undefined && saltLength < pss.leastSalt) throw new Error('pss saltlen too small')
  return verifyPss(numbers.key, digest, data, signature, saltLength)
}

function verifyEd25519(key: Uint8Array, data: Uint8Array, signature: Uint8Array): boolean {
  try {
    // Strictly by RFC 8032; ZIP 215 would accept points and numbers that RFC 8032 rejects.
    return ed25519.verify(signature, data, key, { zip215: false })
  } catch {
    return false
  }
}

/**
 * What was found of ECDSA signatures, which take tens of milliseconds here. The records of one bundle bring
 * the same OCSP answers again and again.
 */
const answered = new Map<string, boolean>()
const MOST_ANSWERED = 1000

function verifyEcdsa(
  { dsaEncoding = 'der' }: KeyOptions,
  { curve, point }: { curve: keyof typeof CURVES; point: Uint8Array },
  digest: ReturnType<typeof digestName>,
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  const { Point } = CURVES[curve]
  const length = Point.Fn.BYTES
  const numbers = dsaEncoding === 'der' ? numbersOfDer(signature) : numbersOfPair(signature, length)
  if (numbers === undefined) return false
  const isInRange = numbers.every((number) => number > 0n && number < Point.CURVE().n)
  if (!isInRange) return false
  const compact = Buffer.from(
    numbers.map((number) => number.toString(16).padStart(2 * length, '0')).join(''),
    'hex',
  )
  const hashed = digestOf(digest, data)
  const question = [
    curve,
    ...[point, hashed, compact].map((bytes) => Buffer.from(bytes).toString('hex')),
  ].join()
  let isRight = answered.get(question)
  if (isRight === undefined) {
    // Accepts both values of s, unlike Bitcoin.
    isRight = CURVES[curve].verify(compact, hashed, point, { prehash: false, lowS: false })
    if (answered.size >= MOST_ANSWERED) answered.clear()
    answered.set(question, isRight)
  }
  return isRight
}

/** ECDSA-Sig-Value (RFC 3279 2.2.3), only in DER. */
function numbersOfDer(signature: Uint8Array): bigint[] | undefined {
  try {
    const whole = parseDer(Buffer.from(signature))
    const numbers = children(expectTag(whole, TAG.sequence, 'signature'))
    return numbers.length === 2 ? numbers.map((number) => readInteger(number)) : undefined
  } catch {
    return undefined
  }
}

function numbersOfPair(signature: Uint8Array, length: number): bigint[] | undefined {
  if (signature.length !== 2 * length) return undefined
  return [bigintOf(signature.subarray(0, length)), bigintOf(signature.subarray(length))]
}

export function sign(): never {
  throw new Error('a page that verifies signs nothing')
}

/**
 * A random UUID (RFC 9562 5.4) as the id of a fault. The browser's own function does not exist for pages
 * opened from a file.
 */
export function randomUUID(): string {
  const octets = Buffer.from(globalThis.crypto.getRandomValues(new Uint8Array(16)))
  octets[6] = (octets[6]! & 0x0f) | 0x40
  octets[8] = (octets[8]! & 0x3f) | 0x80
  return octets.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/** Only code that writes evidence needs these, and the page does not call it. */
export function randomBytes(): never {
  throw new Error('a page that verifies makes up nothing')
}

export { randomBytes as randomInt }

function octetsOf(data: Data): Uint8Array {
  return typeof data === 'string' ? Buffer.from(data) : data
}

function encoded(digest: Uint8Array, encoding: Encoding): Buffer | string {
  const octets = Buffer.from(digest)
  return encoding === 'buffer' ? octets : octets.toString(encoding)
}
