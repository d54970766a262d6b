/** Keys that stand in for those of a phone: of the holder, and one for each answer. In memory alone. */
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { EcJwk } from '#core/presentation/thumbprint.ts'

export type Pair = { privateKey: KeyObject; jwk: EcJwk }

export function newPair(): Pair {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { kty = '', crv = '', x = '', y = '' } = publicKey.export({ format: 'jwk' })
  return { privateKey, jwk: { kty, crv, x, y } }
}

/** The issuer's, from its file. */
export function readKey(pem: string): KeyObject {
  return createPrivateKey(pem)
}
