/**
 * The thumbprint of an elliptic-curve key (RFC 7638): SHA-256 over its required members in their one order.
 */
import { createHash } from 'node:crypto'

export type EcJwk = { kty: string; crv: string; x: string; y: string }

/** 32 octets. */
export function thumbprintOf({ crv, kty, x, y }: EcJwk): Buffer {
  return createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest()
}
