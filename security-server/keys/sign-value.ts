/**
 * Computes signature values: with EC keys on the event loop (25 µs), with RSA keys in the thread pool (0.3 to
 * 2 ms), with other keys on their token.
 */
import { constants, sign } from 'node:crypto'
import type { SignatureMethod } from '#core/signature/algorithms.ts'
import { isLocal, type SigningKey } from '#core/signature/signing-key.ts'
import { Fault } from '#schemas/fault.ts'

/** A function that signs with this key and method. ECDSA values are raw r||s, as XML signatures need them. */
export function signerOf(
  key: SigningKey,
  method: SignatureMethod,
): (data: Buffer) => Buffer | Promise<Buffer> {
  if (!isLocal(key)) return (data) => key.sign(method, data)
  if (method.kind === 'ecdsa') {
    const ecKey = { key, dsaEncoding: 'ieee-p1363' as const }
    return (data) => sign(method.digest, data, ecKey)
  }
  const rsaKey = { key, ...padding(method) }
  return (data) =>
    new Promise((resolve, reject) => {
      sign(method.digest, data, rsaKey, (error, value) =>
        error === null ? resolve(value) : reject(new Fault('cannot_sign', { cause: error })),
      )
    })
}

function padding(method: SignatureMethod): { padding: number; saltLength?: number } {
  return method.kind === 'rsa-pss'
    ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
    : { padding: constants.RSA_PKCS1_PADDING }
}
