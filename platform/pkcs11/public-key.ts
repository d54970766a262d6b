/** Builds the public key of a token's key from its attributes, and the template for generating a key. */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { parseDer, TAG } from '#core/asn1/der-element.ts'
import { der } from '#core/asn1/der-write.ts'
import { OID } from '#core/asn1/oids.ts'
import { Fault } from '#schemas/fault.ts'
import { KEY_TYPE, MECHANISM } from './constants.ts'
import type { Attribute, AttributeName, Attributes, Mechanism } from './message.ts'

export type KeyAlgorithm = 'P-256' | 'RSA-2048' | 'RSA-3072'

export const PUBLIC_ATTRIBUTES = [
  'keyType',
  'ecParams',
  'ecPoint',
  'modulus',
  'publicExponent',
] as const satisfies AttributeName[]

const P256 = der.oid(OID.prime256v1)
const EXPONENT = Buffer.of(1, 0, 1)

/** The mechanism and the public attributes for generating a key of this kind. */
export function generationOf(algorithm: KeyAlgorithm): { mechanism: Mechanism; publicKey: Attribute[] } {
  if (algorithm === 'P-256')
    return { mechanism: { type: MECHANISM.ecKeyPairGen }, publicKey: [['ecParams', P256]] }
  return {
    mechanism: { type: MECHANISM.rsaKeyPairGen },
    publicKey: [
      ['modulusBits', algorithm === 'RSA-2048' ? 2048 : 3072],
      ['publicExponent', EXPONENT],
    ],
  }
}

/** Throws `token_unavailable` if the attributes are not those of a P-256 or RSA key. */
export function publicKeyFrom(found: Attributes): KeyObject {
  const { keyType } = found
  try {
    const key = keyType === BigInt(KEY_TYPE.ec) ? ecKey(found) : rsaKey(found, keyType)
    return createPublicKey({ key, format: 'der', type: 'spki' })
  } catch (cause) {
    throw new Fault('token_unavailable', { what: 'a public key on the token cannot be read', cause })
  }
}

function ecKey({ ecParams, ecPoint }: Attributes): Buffer {
  if (!Buffer.isBuffer(ecParams) || !ecParams.equals(P256)) throw new Error('not a key on P-256')
  const algorithm = der.sequence(der.oid(OID.ecPublicKey), ecParams)
  return der.sequence(algorithm, der.bitString(pointOf(ecPoint)))
}

/** CKA_EC_POINT is an OCTET STRING with the point; some modules return the bare point. */
function pointOf(value: unknown): Buffer {
  if (!Buffer.isBuffer(value)) throw new Error('the point is missing')
  if (value.length === 65 && value[0] === 4) return value
  const { tag, content } = parseDer(value)
  if (tag !== TAG.octetString || content.length !== 65 || content[0] !== 4)
    throw new Error('not an uncompressed point on P-256')
  return content
}

function rsaKey({ modulus, publicExponent }: Attributes, keyType: unknown): Buffer {
  if (keyType !== BigInt(KEY_TYPE.rsa)) throw new Error('neither an EC nor an RSA key')
  if (!Buffer.isBuffer(modulus) || !Buffer.isBuffer(publicExponent)) throw new Error('the modulus is missing')
  const algorithm = der.sequence(der.oid(OID.rsaEncryption), der.null())
  return der.sequence(
    algorithm,
    der.bitString(der.sequence(der.integer(modulus), der.integer(publicExponent))),
  )
}
