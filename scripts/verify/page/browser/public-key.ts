/**
 * The part of public keys in node:crypto that verifying evidence uses. Every key type that may occur is
 * named. Keys of accepted types (RSA, P-256, P-384, P-521, Ed25519) also have details and numbers. Private
 * keys are not supported.
 */
import { p256, p384, p521 } from '@noble/curves/nist.js'
import {
  children,
  type Der,
  expectTag,
  parseDer,
  readBitString,
  readInteger,
  readOid,
  readSmallInteger,
  TAG,
} from '#core/asn1/der.ts'
import { der } from '#core/asn1/der-write.ts'
import { OID } from '#core/asn1/oids.ts'
import type { RsaKey } from './rsa.ts'

export const CURVES = { prime256v1: p256, secp384r1: p384, secp521r1: p521 } as const
export type CurveName = keyof typeof CURVES

export type KeyNumbers =
  | { kind: 'rsa'; key: RsaKey; pss: PssLimits | undefined }
  | { kind: 'ec'; curve: CurveName; point: Uint8Array }
  | { kind: 'ed25519'; octets: Uint8Array }
  | { kind: 'other' }

/** The restrictions of an RSASSA-PSS key on digest and salt (RFC 4055 1.2). */
export type PssLimits = { digest: string; leastSalt: number }

type Details = { modulusLength?: number; publicExponent?: bigint; namedCurve?: string }

const CURVE_OIDS: Record<string, CurveName> = {
  [OID.prime256v1]: 'prime256v1',
  [OID.secp384r1]: 'secp384r1',
  [OID.secp521r1]: 'secp521r1',
}
const DIGEST_OIDS: Record<string, string> = {
  [OID.sha1]: 'sha1',
  [OID.sha224]: 'sha224',
  [OID.sha256]: 'sha256',
  [OID.sha384]: 'sha384',
  [OID.sha512]: 'sha512',
}
/** Key types that are never accepted and only named. */
const OTHER_TYPES: Record<string, string> = {
  '1.2.840.10040.4.1': 'dsa',
  '1.3.101.110': 'x25519',
  '1.3.101.111': 'x448',
  '1.3.101.113': 'ed448',
}
const ED25519_OCTETS = 32

export class KeyObject {
  readonly type = 'public'
  readonly asymmetricKeyType: string
  readonly asymmetricKeyDetails: Details
  readonly numbers: KeyNumbers
  readonly #spki: Buffer

  constructor(type: string, details: Details, numbers: KeyNumbers, spki: Buffer) {
    this.asymmetricKeyType = type
    this.asymmetricKeyDetails = details
    this.numbers = numbers
    this.#spki = spki
  }

  export(options: { format: string }): Buffer | { kty?: string; crv?: string; x?: string } {
    if (options.format === 'der') return Buffer.from(this.#spki)
    if (this.numbers.kind !== 'ed25519') throw new Error('only Ed25519 keys are given as JWK here')
    return { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(this.numbers.octets).toString('base64url') }
  }
}

type Source =
  | { key: Uint8Array; format: 'der'; type: 'spki' }
  | { key: { kty: string; crv: string; x: string }; format: 'jwk' }

/** Throws an Error for octets that are not a public key. */
export function createPublicKey(source: Source): KeyObject {
  if (source.format === 'jwk') {
    const { kty, crv, x } = source.key
    if (kty !== 'OKP' || crv !== 'Ed25519') throw new Error('another kind of key')
    const octets = Buffer.from(x, 'base64url')
    return ed25519Key(octets, der.sequence(der.sequence(der.oid(OID.ed25519)), der.bitString(octets)))
  }
  const spki = Buffer.from(source.key)
  const [algorithm, bits, ...more] = sequence(spki)
  const { unused, bytes } = readBitString(bits)
  const [oid, parameters] = children(expectTag(algorithm, TAG.sequence, 'algorithm'))
  if (more.length > 0 || unused !== 0) throw new Error('another form of key')
  const type = readOid(oid)
  if (type === OID.rsaEncryption || type === OID.rsassaPss) {
    return rsaKey(type, bytes, parameters?.raw, spki)
  }
  if (type === OID.ecPublicKey) return ecKey(parameters?.raw, bytes, spki)
  if (type === OID.ed25519) return ed25519Key(bytes, spki)
  const name = OTHER_TYPES[type]
  if (name === undefined) throw new Error('a key of a type that is not known')
  return new KeyObject(name, {}, { kind: 'other' }, spki)
}

function rsaKey(type: string, bytes: Buffer, parameters: Buffer | undefined, spki: Buffer): KeyObject {
  const [first, second, ...more] = sequence(bytes)
  const [modulus, exponent] = [readInteger(first), readInteger(second)]
  if (more.length > 0 || modulus <= 0n || exponent <= 0n) throw new Error('numbers that are no RSA key')
  const modulusLength = modulus.toString(2).length
  const details = { modulusLength, publicExponent: exponent }
  const isPss = type === OID.rsassaPss
  const pss = isPss && parameters !== undefined ? pssLimits(parameters) : undefined
  const numbers = { kind: 'rsa' as const, key: { modulus, exponent, modulusLength }, pss }
  // node:crypto writes NULL, whatever the parameters were.
  const whole = isPss
    ? spki
    : der.sequence(der.sequence(der.oid(OID.rsaEncryption), der.null()), der.bitString(bytes))
  return new KeyObject(isPss ? 'rsa-pss' : 'rsa', details, numbers, whole)
}

/** RSASSA-PSS-params; the defaults are SHA-1. */
function pssLimits(parameters: Buffer): PssLimits {
  const fields = sequence(parameters)
  const field = (tag: number) => {
    const found = fields.find((one) => one.tag === tag)
    return found && children(found)[0]
  }
  const [digest, salt] = [field(0xa0), field(0xa2)]
  return {
    digest: digest === undefined ? 'sha1' : (DIGEST_OIDS[readOid(children(digest)[0])] ?? 'unknown'),
    leastSalt: salt === undefined ? 20 : readSmallInteger(salt),
  }
}

function ecKey(parameters: Buffer | undefined, point: Buffer, spki: Buffer): KeyObject {
  const named = parameters === undefined ? undefined : parseDer(parameters)
  const oid = named?.tag === TAG.oid ? readOid(named) : undefined
  const curve = oid === undefined ? undefined : CURVE_OIDS[oid]
  if (curve === undefined) return new KeyObject('ec', {}, { kind: 'other' }, spki)
  // Throws for a point that is not on the curve, and for the point at infinity.
  CURVES[curve].Point.fromBytes(point).assertValidity()
  return new KeyObject('ec', { namedCurve: curve }, { kind: 'ec', curve, point }, spki)
}

function ed25519Key(octets: Buffer, spki: Buffer): KeyObject {
  if (octets.length !== ED25519_OCTETS) throw new Error('an Ed25519 key has 32 octets')
  return new KeyObject('ed25519', {}, { kind: 'ed25519', octets }, spki)
}

function sequence(bytes: Buffer): Der[] {
  return children(expectTag(parseDer(bytes), TAG.sequence, 'sequence'))
}
