/**
 * How a key signs and verifies in DSSE, which leaves that to the parties: the key alone decides, nothing in
 * the envelope does.
 */
import { type KeyObject, sign, verify } from 'node:crypto'
import { isStrongKey } from '#core/certificate/key-strength.ts'
import { algorithmOf } from '#core/signature/signed-json.ts'
import { isLocal, optionsOf, publicHalf, type SigningKey, signWith } from '#core/signature/signing-key.ts'

/**
 * The value of a signature: Ed25519; ECDSA as r||s over SHA-256, SHA-384 or SHA-512 by the curve; RSASSA-PSS
 * over SHA-256. Throws `cannot_sign` for other keys.
 */
export async function signatureValue(key: SigningKey, data: Buffer): Promise<Buffer> {
  const half = publicHalf(key)
  if (isLocal(key) && half.asymmetricKeyType === 'ed25519') return sign(null, data, key)
  return signWith(key, algorithmOf(half).method, data)
}

/** Whether a public key that is strong enough made the value over the data. */
export function isSignedBy(key: KeyObject, data: Buffer, value: Buffer): boolean {
  if (key.asymmetricKeyType === 'ed25519') return verify(null, data, key, value)
  if (!isStrongKey(key)) return false
  const { method } = algorithmOf(key)
  return verify(method.digest, data, { key, ...optionsOf(method) }, value)
}
