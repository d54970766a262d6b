/** Key pairs of recipients, for whoever keeps them. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'

/** A new key pair for a recipient; the public key as raw octets. */
export function newRecipient(): { privateKey: KeyObject; publicKey: Buffer } {
  const { publicKey, privateKey } = generateKeyPairSync('x25519')
  const { x = '' } = publicKey.export({ format: 'jwk' })
  return { privateKey, publicKey: Buffer.from(x, 'base64url') }
}
