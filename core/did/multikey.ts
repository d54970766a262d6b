/**
 * Ed25519 keys and SHA-256 hashes as text: multikey ("z6Mk...") and multihash in base 58, the only ones that
 * we write and accept.
 */
import { createPublicKey, hash, type KeyObject } from 'node:crypto'
import { Fault } from '#schemas/fault.ts'
import { base58, fromBase58 } from './base58.ts'

const ED25519 = Buffer.of(0xed, 0x01)
const SHA256 = Buffer.of(0x12, 0x20)

/** The key, of either half of a pair. */
export function multikeyOf(key: KeyObject): string {
  const { crv, x } = key.export({ format: 'jwk' })
  if (crv !== 'Ed25519' || x === undefined) throw new TypeError('an Ed25519 key is needed')
  return `z${base58(Buffer.concat([ED25519, Buffer.from(x, 'base64url')]))}`
}

/** Throws `invalid_input` for anything but an Ed25519 key. */
export function readMultikey(text: string): KeyObject {
  const octets = fromBase58(text.startsWith('z') ? text.slice(1) : '?')
  if (octets.length !== 34 || !octets.subarray(0, 2).equals(ED25519))
    throw new Fault('invalid_input', { what: 'it is not the multikey of an Ed25519 key' })
  const x = octets.subarray(2).toString('base64url')
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
}

/** The SHA-256 of a text as multihash, without the letter of multibase, as did:webvh writes hashes. */
export function multihashOf(text: string): string {
  return base58(Buffer.concat([SHA256, hash('sha256', text, 'buffer')]))
}
