/**
 * Opens a TLS connection to a peer with our certificate. The peer's certificate is not verified here, but
 * before any byte is sent (peer-sockets.ts).
 */
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import type { AuthenticationIdentity } from '../keys/keys.ts'
import type { ServerWithAddress } from './choose-server.ts'
import { tlsCredentials, tlsVersions, type XRoadTlsPeers } from './tls-profile.ts'
import { whyNoConnection } from './why-no-connection.ts'

/** OpenSSL's names of the alerts and errors when both sides have no TLS version or cipher suite in common. */
const NO_COMMON_PROFILE = /ALERT_PROTOCOL_VERSION|HANDSHAKE_FAILURE|UNSUPPORTED_PROTOCOL|NO_SHARED_CIPHER/

/**
 * Throws `network_error` when the handshake takes longer than `timeoutMs` or the server cannot be reached,
 * `tls_failed` when TLS fails.
 */
export function handshake(q: {
  server: ServerWithAddress
  port: number
  timeoutMs: number
  identity: AuthenticationIdentity
  xroadTlsPeers: XRoadTlsPeers
}): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const options: ConnectionOptions & { noDelay: boolean } = {
      host: q.server.address,
      port: q.port,
      ...tlsCredentials(q.identity),
      ...tlsVersions(q.xroadTlsPeers, q.server.id),
      // Trust comes from the global configuration: peer-sockets.ts verifies before the first byte is sent.
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
      noDelay: true,
    }
    const socket = connect(options)
    const fail = (cause: Error): void => {
      clearTimeout(timer)
      socket.destroy()
      reject(failureOf(cause, q))
    }
    // A timer, not the socket's idle time-out: it also ends a peer that sends its handshake byte by byte.
    const timer = setTimeout(
      () => fail(Object.assign(new Error('the TLS handshake took too long'), { code: 'ETIMEDOUT' })),
      q.timeoutMs,
    )
    socket.on('error', fail)
    socket.once('secureConnect', () => {
      clearTimeout(timer)
      resolve(socket)
    })
  })
}

/** A server with which TLS fails needs another remedy than a server that is down, so it gets another code. */
function failureOf(
  cause: Error,
  { server, xroadTlsPeers }: { server: ServerWithAddress; xroadTlsPeers: XRoadTlsPeers },
): Fault {
  const name = idText(server.id)
  const code = (cause as { code?: string }).code ?? ''
  if (!code.startsWith('ERR_SSL_'))
    return new Fault('network_error', { what: `${name}: ${whyNoConnection(cause)}`, cause })
  if (!NO_COMMON_PROFILE.test(code))
    return new Fault('tls_failed', { what: `${name}: ${whyNoConnection(cause)}`, cause })
  const why = xroadTlsPeers.has(name)
    ? 'no version and suite in common'
    : 'it speaks no TLS 1.3 and does not stand in peers.xroadTlsPeers'
  return new Fault('tls_failed', { what: `${name}: ${why}`, cause })
}
