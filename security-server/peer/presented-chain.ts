/**
 * Reads the certificates that a TLS peer presented, its own first, with our own strict parser; at most
 * `MAX_CHAIN`.
 */
import type { TLSSocket } from 'node:tls'
import { type Certificate, parseCertificate } from '#core/certificate/certificate.ts'

const MAX_CHAIN = 5

/**
 * Empty when the peer presented none. Costly (Node builds an object per certificate): call it once per
 * socket.
 */
export function presentedChain(socket: TLSSocket): Certificate[] {
  const chain: Certificate[] = []
  let next = socket.getPeerCertificate(true)
  while (next?.raw !== undefined && chain.length < MAX_CHAIN) {
    chain.push(parseCertificate(next.raw))
    // Node links a self-signed certificate to itself as its issuer.
    if (next.issuerCertificate === next) break
    next = next.issuerCertificate
  }
  return chain
}
