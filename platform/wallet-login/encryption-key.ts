/**
 * A key pair for one answer: made with the request, kept in memory, gone with the attempt (HAIP 1.0: a new
 * one for each).
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { EcJwk } from '#core/presentation/thumbprint.ts'

export function makeEncryptionKey(): { jwk: EcJwk; privateKey: KeyObject } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { kty = '', crv = '', x = '', y = '' } = publicKey.export({ format: 'jwk' })
  return { jwk: { kty, crv, x, y }, privateKey }
}
