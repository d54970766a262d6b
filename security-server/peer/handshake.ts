/** Opens a TLS connection to a peer with our certificate; what it presents is not judged here, but before any byte is sent. */
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import type { AuthenticationIdentity } from '../keys/keys.ts'
import type { ServerWithAddress } from './choose-server.ts'
import { tlsCredentials, tlsVersions, type XRoadTlsPeers } from './tls-profile.ts'
import { whyNoConnection } from './why-no-connection.ts'

/** OpenSSL's names of what a server answers that has neither our version nor our suites. */
const NO_COMMON_PROFILE = /ALERT_PROTOCOL_VERSION|HANDSHAKE_FAILURE|UNSUPPORTED_PROTOCOL|NO_SHARED_CIPHER/

/** Throws `network_error` when it takes longer than `timeoutMs` or nobody is there, `tls_failed` when TLS does not come about. */
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
      // Trust comes from the global configuration: peer-sockets.ts verifies before the first byte (DESIGN 3.6).
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
    // A timer, not the socket's idle time-out: a peer that trickles through the handshake is ended too.
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

/** Who is reached and does not come to TLS with us needs another remedy than who is down (DESIGN 3.7). */
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
