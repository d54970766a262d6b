/**
 * The keys with which witnesses cosign, by the types of C2SP tlog-cosignature: Ed25519 and ML-DSA-44, which
 * also holds against quantum computers.
 */
import { createPublicKey, type KeyObject } from 'node:crypto'

export type CosignerAlgorithm = 'ed25519' | 'ml-dsa-44'

type CosignerType = { algorithm: CosignerAlgorithm; type: number; octets: number }

const TYPES: CosignerType[] = [
  { algorithm: 'ed25519', type: 4, octets: 32 },
  { algorithm: 'ml-dsa-44', type: 6, octets: 1312 },
]

/** Throws TypeError for a key of another algorithm. */
export function cosignerType(key: KeyObject): CosignerType {
  const found = TYPES.find(({ algorithm }) => algorithm === key.asymmetricKeyType)
  if (found === undefined) throw new TypeError('a witness has an Ed25519 or an ML-DSA-44 key')
  return found
}

/** The octets of the public key, of either half of a pair. */
export function cosignerOctets(key: KeyObject): Buffer {
  const { x, pub } = key.export({ format: 'jwk' }) as { x?: string; pub?: string }
  return Buffer.from(x ?? pub ?? '', 'base64url')
}

/** The public key of a type octet with its octets; undefined for another type or length. */
export function readCosignerKey(type: number, octets: Buffer): KeyObject | undefined {
  const found = TYPES.find((one) => one.type === type && one.octets === octets.length)
  if (found === undefined) return undefined
  const text = octets.toString('base64url')
  const key =
    found.algorithm === 'ed25519'
      ? { kty: 'OKP', crv: 'Ed25519', x: text }
      : { kty: 'AKP', alg: 'ML-DSA-44', pub: text }
  return createPublicKey({ key, format: 'jwk' })
}
