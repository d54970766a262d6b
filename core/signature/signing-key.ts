/** A private key for signing: in this process, or on a token that never reveals it. */
import { constants, createPublicKey, KeyObject, type SigningOptions, sign } from 'node:crypto'
import { der } from '#core/asn1/der-write.ts'
import { Fault } from '#schemas/fault.ts'
import type { SignatureMethod } from './algorithms.ts'

export type SigningMethod = Pick<SignatureMethod, 'digest' | 'kind'>

/** A private key on a token. */
export type RemoteKey = {
  readonly publicKey: KeyObject
  /**
   * Signs `data`; raw r||s for ECDSA. Rejects with a fault of the catalogue, most often `token_unavailable`.
   */
  sign(method: SigningMethod, data: Buffer): Promise<Buffer>
}

export type SigningKey = KeyObject | RemoteKey

/** Whether the private key is in this process. */
export function isLocal(key: SigningKey): key is KeyObject {
  return key instanceof KeyObject
}

/** The public key of a signing key. */
export function publicHalf(key: SigningKey): KeyObject {
  return isLocal(key) ? createPublicKey(key) : key.publicKey
}

/** Signs with a key in this process (in the thread pool) or on a token. Returns raw r||s for ECDSA. */
export function signWith(key: SigningKey, method: SigningMethod, data: Buffer): Promise<Buffer> {
  if (!isLocal(key)) return key.sign(method, data)
  return new Promise((resolve, reject) => {
    sign(method.digest, data, { key, ...optionsOf(method) }, (error, value) =>
      error === null ? resolve(value) : reject(new Fault('cannot_sign', { cause: error })),
    )
  })
}

/** The plain method for a kind of key: ECDSA, or RSA with PKCS #1 v1.5. */
export function plainMethod(key: SigningKey, digest: SigningMethod['digest']): SigningMethod {
  const { asymmetricKeyType } = isLocal(key) ? key : key.publicKey
  return { digest, kind: asymmetricKeyType === 'ec' ? 'ecdsa' : 'rsa' }
}

/**
 * As `signWith` with the key's plain method, but in the form of certificates and directories: DER for ECDSA
 * (RFC 3279 2.2.3).
 */
export async function signDerWith(
  key: SigningKey,
  digest: SigningMethod['digest'],
  data: Buffer,
): Promise<Buffer> {
  const method = plainMethod(key, digest)
  const value = await signWith(key, method, data)
  if (method.kind !== 'ecdsa') return value
  const half = value.length / 2
  return der.sequence(der.integer(value.subarray(0, half)), der.integer(value.subarray(half)))
}

/** Node's options for signing and verifying with a method. */
export function optionsOf(method: SigningMethod): SigningOptions {
  if (method.kind === 'ecdsa') return { dsaEncoding: 'ieee-p1363' }
  return method.kind === 'rsa'
    ? { padding: constants.RSA_PKCS1_PADDING }
    : { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
}
