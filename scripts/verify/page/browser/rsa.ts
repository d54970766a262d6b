/**
 * Verifies RSA signatures by RFC 8017: PKCS #1 v1.5 (8.2.2) by comparing with the only valid encoding, PSS
 * (8.1.2, 9.1.2).
 */
import { type DigestName, digestLength, digestOf } from './digest.ts'

export type RsaKey = { modulus: bigint; exponent: bigint; modulusLength: number }

/** DigestInfo without the digest (RFC 8017 section 9.2, note 1). */
const DIGEST_INFO: Record<string, string> = {
  sha1: '3021300906052b0e03021a05000414',
  sha224: '302d300d06096086480165030402040500041c',
  sha256: '3031300d060960864801650304020105000420',
  sha384: '3041300d060960864801650304020205000430',
  sha512: '3051300d060960864801650304020305000440',
}
// OpenSSL's limits: with larger numbers a verification is slow enough to be an attack.
const MAX_MODULUS_BITS = 16384
const SMALL_MODULUS_BITS = 3072
const MAX_EXPONENT_BITS = 64

/** RSASSA-PKCS1-v1_5: whether the signature contains exactly the only valid encoding of the digest. */
export function verifyPkcs1(key: RsaKey, name: DigestName, data: Uint8Array, signature: Uint8Array): boolean {
  const encoded = publicOperation(key, signature)
  const prefix = hexOctets(DIGEST_INFO[name]!)
  const digest = digestOf(name, data)
  const padding = (encoded?.length ?? 0) - 3 - prefix.length - digest.length
  if (encoded === undefined || padding < 8) return false
  const expected = new Uint8Array(encoded.length).fill(0xff)
  expected.set([0, 1])
  expected[2 + padding] = 0
  expected.set(prefix, 3 + padding)
  expected.set(digest, 3 + padding + prefix.length)
  return same(encoded, expected)
}

/** RSASSA-PSS with MGF1 over the same digest; the salt has `saltLength` octets. */
export function verifyPss(
  key: RsaKey,
  name: DigestName,
  data: Uint8Array,
  signature: Uint8Array,
  saltLength: number,
): boolean {
  const whole = publicOperation(key, signature)
  if (whole === undefined) return false
  const bits = key.modulusLength - 1
  const length = Math.ceil(bits / 8)
  // For a modulus of 8n + 1 bits, the encoding is one octet shorter than the modulus.
  if (whole.length > length && whole[0] !== 0) return false
  const encoded = whole.subarray(whole.length - length)
  const size = digestLength(name)
  const maskLength = length - size - 1
  if (maskLength < saltLength + 1 || encoded.at(-1) !== 0xbc) return false
  const hash = encoded.subarray(maskLength, maskLength + size)
  const unused = 8 * length - bits
  if (encoded[0]! >> (8 - unused) !== 0) return false
  const block = mask(name, hash, maskLength).map((octet, at) => octet ^ encoded[at]!)
  block[0]! &= 0xff >> unused
  const zeros = maskLength - saltLength - 1
  if (block.subarray(0, zeros).some((octet) => octet !== 0) || block[zeros] !== 1) return false
  const salted = new Uint8Array(8 + size + saltLength)
  salted.set(digestOf(name, data), 8)
  salted.set(block.subarray(zeros + 1), 8 + size)
  return same(digestOf(name, salted), hash)
}

/**
 * RSAVP1 and I2OSP: s^e mod n in as many octets as the modulus. Undefined for another length, s >= n or a key
 * outside the limits.
 */
function publicOperation(
  { modulus, exponent, modulusLength }: RsaKey,
  signature: Uint8Array,
): Uint8Array | undefined {
  const length = Math.ceil(modulusLength / 8)
  const wide = modulusLength > SMALL_MODULUS_BITS && exponent.toString(2).length > MAX_EXPONENT_BITS
  const isSound = modulusLength <= MAX_MODULUS_BITS && !wide && exponent < modulus && (modulus & 1n) === 1n
  const value = bigintOf(signature)
  if (signature.length !== length || !isSound || value >= modulus) return undefined
  return hexOctets(
    power(value, exponent, modulus)
      .toString(16)
      .padStart(2 * length, '0'),
  )
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n
  let square = base % modulus
  for (let left = exponent; left > 0n; left >>= 1n) {
    if ((left & 1n) === 1n) result = (result * square) % modulus
    square = (square * square) % modulus
  }
  return result
}

/** MGF1 (RFC 8017 B.2.1). */
function mask(name: DigestName, seed: Uint8Array, length: number): Uint8Array {
  const size = digestLength(name)
  const made = new Uint8Array(Math.ceil(length / size) * size)
  const input = new Uint8Array(seed.length + 4)
  input.set(seed)
  for (let counter = 0; counter * size < length; counter += 1) {
    new DataView(input.buffer).setUint32(seed.length, counter)
    made.set(digestOf(name, input), counter * size)
  }
  return made.subarray(0, length)
}

export function bigintOf(octets: Uint8Array): bigint {
  let hex = ''
  for (const octet of octets) hex += octet.toString(16).padStart(2, '0')
  return BigInt(`0x${hex || '0'}`)
}

function hexOctets(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, at) =>
    Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16),
  )
}

function same(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((octet, at) => octet === other[at])
}
