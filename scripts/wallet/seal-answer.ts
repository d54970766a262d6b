/** Encrypts an answer to the key of its request: JWE in compact form, ECDH-ES on P-256, A128GCM. */
import { createCipheriv, createPublicKey, diffieHellman, randomBytes } from 'node:crypto'
import type { EncryptionJwk } from '#core/presentation/asked.ts'
import { deriveKey } from '#core/presentation/jwe.ts'
import { newPair } from './keys.ts'

const ENCRYPTION = 'A128GCM'
const KEY_OCTETS = 16

export function sealAnswer(answer: object, { kty, crv, x, y, kid }: EncryptionJwk): string {
  const ephemeral = newPair()
  const publicKey = createPublicKey({ key: { kty, crv, x, y }, format: 'jwk' })
  const shared = diffieHellman({ privateKey: ephemeral.privateKey, publicKey })
  const key = deriveKey(shared, ENCRYPTION, Buffer.alloc(0), Buffer.alloc(0), KEY_OCTETS)
  const header = { alg: 'ECDH-ES', enc: ENCRYPTION, kid, epk: ephemeral.jwk }
  const head = Buffer.from(JSON.stringify(header)).toString('base64url')
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-128-gcm', key, nonce, { authTagLength: 16 })
  cipher.setAAD(Buffer.from(head, 'ascii'))
  const sealed = Buffer.concat([cipher.update(JSON.stringify(answer)), cipher.final()])
  return [head, '', ...[nonce, sealed, cipher.getAuthTag()].map((part) => part.toString('base64url'))].join(
    '.',
  )
}
