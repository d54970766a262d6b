/** The thumbprint of the key in a request's metadata, computed for wallets apart from the verifier. */
import { createHash } from 'node:crypto'

type Metadata = {
  client_metadata?: { jwks?: { keys: { crv: string; kty: string; x: string; y: string }[] } }
}

export function encryptionThumbprint(request: Record<string, unknown>): { jwkThumbprint?: Uint8Array } {
  const key = (request as Metadata).client_metadata?.jwks?.keys[0]
  if (key === undefined) return {}
  const text = `{"crv":"${key.crv}","kty":"${key.kty}","x":"${key.x}","y":"${key.y}"}`
  return { jwkThumbprint: new Uint8Array(createHash('sha256').update(text).digest()) }
}
