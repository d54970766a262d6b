/**
 * The two TLS profiles between servers. TLS 1.3 is the default. X-Road's TLS 1.2 with its CBC suites, AEAD
 * preferred, is used only with the peers that the operator names. Resumption is off: Node skips checks on
 * resumed sessions.
 */
import { constants } from 'node:crypto'
import type { SecureContextOptions } from 'node:tls'
import { idText, type ServerId } from '#schemas/identifiers.ts'

export { certificatePem as pemOf, tlsCredentials } from '../keys/pem.ts'

const XROAD_SUITES = [
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'DHE-RSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-SHA384',
  'DHE-RSA-AES256-SHA256',
  'ECDHE-ECDSA-AES256-SHA384',
].join(':')

/**
 * The ids (as text) of the servers that may use X-Road's TLS 1.2 profile; an empty set turns the profile off.
 */
export type XRoadTlsPeers = ReadonlySet<string>

/**
 * TLS versions and suites for a connection to `server`. Without `server`: those that the listener accepts,
 * because it does not know the peer yet.
 */
export function tlsVersions(peers: XRoadTlsPeers, server?: ServerId): SecureContextOptions {
  const admitted = server === undefined ? peers.size > 0 : peers.has(idText(server))
  if (!admitted)
    return { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3', secureOptions: constants.SSL_OP_NO_TICKET }
  return {
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    ciphers: `TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:${XROAD_SUITES}`,
    dhparam: 'auto',
    secureOptions: constants.SSL_OP_NO_TICKET,
  } as SecureContextOptions
}
