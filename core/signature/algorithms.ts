/**
 * Signature methods of X-Road and XML Signature (SignAlgorithm), each tied to one key type and one digest.
 */
import { constants, type KeyObject, sign, verify } from 'node:crypto'
import { Fault } from '#schemas/fault.ts'
import { DIGEST_URI, type DigestName } from '#schemas/wire.ts'

export type SignatureMethod = {
  uri: string
  digest: 'sha256' | 'sha384' | 'sha512'
  kind: 'rsa' | 'rsa-pss' | 'ecdsa'
}

const MORE_2001 = 'http://www.w3.org/2001/04/xmldsig-more#'
const MORE_2007 = 'http://www.w3.org/2007/05/xmldsig-more#'

/** Every accepted method, by its URI. SHA-1 and SHA-224 are not accepted. */
export const METHODS: ReadonlyMap<string, SignatureMethod> = new Map(
  (['sha256', 'sha384', 'sha512'] as const).flatMap((digest) => {
    const methods: SignatureMethod[] = [
      { uri: `${MORE_2001}rsa-${digest}`, digest, kind: 'rsa' },
      { uri: `${MORE_2007}${digest}-rsa-MGF1`, digest, kind: 'rsa-pss' },
      { uri: `${MORE_2001}ecdsa-${digest}`, digest, kind: 'ecdsa' },
    ]
    return methods.map((method) => [method.uri, method] as const)
  }),
)

/** Digests that a reference may use, by their URI. */
export const DIGESTS: ReadonlyMap<string, DigestName> = new Map(
  (['SHA-256', 'SHA-384', 'SHA-512'] as const).map((name) => [DIGEST_URI[name], name]),
)

/** Node's name of a digest. */
export function nodeDigest(name: DigestName): string {
  return name.replace('-', '').toLowerCase()
}

const CURVES: ReadonlySet<string> = new Set(['prime256v1', 'secp384r1', 'secp521r1'])
const LEAST_RSA_BITS = 2048

/**
 * The method with which a key signs, always over SHA-512 (X-Road's default). Throws `cannot_sign` for other
 * kinds of keys.
 */
export function methodFor(key: KeyObject): SignatureMethod {
  const name =
    key.asymmetricKeyType === 'ec'
      ? `${MORE_2001}ecdsa-sha512`
      : key.asymmetricKeyType === 'rsa'
        ? `${MORE_2001}rsa-sha512`
        : `${MORE_2007}sha512-rsa-MGF1`
  const method = METHODS.get(name)
  if (method === undefined || !fits(method, key)) {
    throw new Fault('cannot_sign', { what: `a key of type ${key.asymmetricKeyType} cannot sign messages` })
  }
  return method
}

/** Whether a key is strong enough and of the type that the method needs (NIST curves, RSA from 2048 bits). */
export function fits(method: SignatureMethod, key: KeyObject): boolean {
  const details = key.asymmetricKeyDetails
  if (method.kind === 'ecdsa') {
    return key.asymmetricKeyType === 'ec' && CURVES.has(details?.namedCurve ?? '')
  }
  const types = method.kind === 'rsa' ? ['rsa'] : ['rsa', 'rsa-pss']
  return types.includes(key.asymmetricKeyType ?? '') && (details?.modulusLength ?? 0) >= LEAST_RSA_BITS
}

function parameters(method: SignatureMethod, key: KeyObject) {
  switch (method.kind) {
    case 'ecdsa':
      return { key, dsaEncoding: 'ieee-p1363' as const }
    case 'rsa':
      return { key, padding: constants.RSA_PKCS1_PADDING }
    case 'rsa-pss':
      return {
        key,
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
      }
  }
}

/**
 * Whether `value` (raw r||s for ECDSA) is the signature of `data`; false if the key does not fit the method.
 */
export function verifyValue(
  method: SignatureMethod,
  publicKey: KeyObject,
  data: Buffer,
  value: Buffer,
): boolean {
  return fits(method, publicKey) && verify(method.digest, data, parameters(method, publicKey), value)
}

/** Signs on the calling thread, for tests, tools and fast keys. Returns raw r||s for ECDSA. */
export function signValue(method: SignatureMethod, privateKey: KeyObject, data: Buffer): Buffer {
  return sign(method.digest, data, parameters(method, privateKey))
}
