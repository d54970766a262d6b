/** Opens a TLS connection to a peer with our certificate; what it presents is not judged here, but before any byte is sent. */
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import type { AuthenticationIdentity } from '../keys/keys.ts'
import type { ServerWithAddress } from './choose-server.ts'
import { tlsCredentials, tlsVersions, type XRoadTlsPeers } from './tls-profile.ts'

/** Throws `network_error` when it takes longer than `timeoutMs` or fails. */
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
      reject(new Fault('network_error', { what: idText(q.server.id), cause }))
    }
    // A timer, not the socket's idle time-out: a peer that trickles through the handshake is ended too.
    const timer = setTimeout(() => fail(new Error('the TLS handshake took too long')), q.timeoutMs)
    socket.on('error', fail)
    socket.once('secureConnect', () => {
      clearTimeout(timer)
      resolve(socket)
    })
  })
}
