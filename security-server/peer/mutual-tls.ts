/**
 * The mutual TLS plugin of the listener between servers (@fastify/mutual-tls does not exist: this is it). Guarantees
 * that a handler sees only requests on a socket whose certificate chain is known, and that the sockets of certificates
 * that left the configuration are closed at once. No certificate has more than its part of the connections, no address more than
 * its part of the handshakes.
 */
import type { Socket } from 'node:net'
import { Server, type TLSSocket } from 'node:tls'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Certificate } from '#core/certificate/certificate.ts'
import { networkOf } from '#platform/http-service/rate-limit.ts'
import { Fault } from '#schemas/fault.ts'
import type {
  ConfigurationSnapshot,
  GlobalConfiguration,
} from '../global-configuration/global-configuration.ts'
import type { AuthenticationIdentity, Keys } from '../keys/keys.ts'
import { boundShares } from './bound-shares.ts'
import { presentedChain } from './presented-chain.ts'
import { pemOf, tlsCredentials, tlsVersions, type XRoadTlsPeers } from './tls-profile.ts'
import { registeredServer } from './verify-peer.ts'

type Rooms = {
  keys: Keys
  globalConfiguration: Pick<GlobalConfiguration, 'current' | 'onChange'>
  xroadTlsPeers: XRoadTlsPeers
}

/** Options for `https.createServer`: the client certificate is demanded and must chain to the configuration's CAs. */
export function mutualTlsOptions(rooms: Rooms): object {
  return {
    ...context(rooms.keys.authenticationIdentity(), rooms.globalConfiguration.current(), rooms.xroadTlsPeers),
    requestCert: true,
    rejectUnauthorized: true,
    handshakeTimeout: 10_000,
    ALPNProtocols: ['http/1.1'],
  }
}

function context(
  identity: AuthenticationIdentity,
  snapshot: ConfigurationSnapshot,
  peers: XRoadTlsPeers,
): object {
  const authorities = snapshot.indexes().flatMap((index) => {
    const { anchors, intermediates } = index.caCertificates()
    return [...anchors, ...intermediates]
  })
  return { ...tlsCredentials(identity), ...tlsVersions(peers), ca: authorities.map(pemOf) }
}

/** A quarter of what the listener takes: nobody's connections shut the others out. */
const MOST_OF_ONE = 1024

const chains = new WeakMap<TLSSocket, Certificate[]>()

/** The chain that the peer of this request presented, its own certificate first; read once per socket. */
export function chainOf(request: FastifyRequest): Certificate[] {
  const socket = request.raw.socket as TLSSocket
  const known = chains.get(socket)
  if (known !== undefined) return known
  const chain = presentedChain(socket)
  if (chain.length === 0) throw new Fault('unknown_peer', { what: 'no certificate was presented' })
  chains.set(socket, chain)
  return chain
}

/** Keeps the listener's context equal to keys and configuration, and ends sockets whose certificate is no longer known. */
export function mutualTls(
  app: FastifyInstance,
  rooms: Rooms,
  { mostOfOne = MOST_OF_ONE, mostHandshakes = MOST_OF_ONE } = {},
): void {
  const take = boundShares(mostOfOne)
  const sockets = new Set<TLSSocket>()
  const { server } = app
  if (!(server instanceof Server)) throw new Error('this listener is no TLS listener')
  boundHandshakes(server, mostHandshakes)
  server.on('secureConnection', (socket: TLSSocket) => {
    const whose = socket.getPeerX509Certificate()?.fingerprint256 ?? ''
    if (!take(whose, socket)) return
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  // A failed handshake must neither crash the process nor leave a socket behind.
  server.on('tlsClientError', (_cause: Error, socket: TLSSocket) => socket.destroy())

  const renew = (): void => {
    let snapshot: ConfigurationSnapshot
    try {
      snapshot = rooms.globalConfiguration.current()
      server.setSecureContext(context(rooms.keys.authenticationIdentity(), snapshot, rooms.xroadTlsPeers))
    } catch {
      // Without keys or configuration every exchange is refused anyway; the old context serves to say so.
      return
    }
    for (const socket of sockets) {
      const chain = chains.get(socket)
      if (chain === undefined) continue
      try {
        registeredServer(chain[0], snapshot)
      } catch {
        socket.destroy()
      }
    }
  }
  const stops = [rooms.globalConfiguration.onChange(renew), rooms.keys.onChange(renew)]
  app.addHook('onClose', async () => {
    for (const stop of stops) stop()
  })
}

/** Nobody is known by a certificate yet: who only connects, again and again, must not take all that the listener has. */
function boundHandshakes(server: Server, most: number): void {
  const begun = new Map<string, Set<number>>()
  const end = ({ address, port }: { address: string; port: number }): void => {
    const ports = begun.get(address)
    ports?.delete(port)
    if (ports?.size === 0) begun.delete(address)
  }
  const whence = ({ remoteAddress = '', remotePort = 0 }: Socket) => ({
    address: networkOf(remoteAddress),
    port: remotePort,
  })
  server.on('connection', (socket: Socket) => {
    const from = whence(socket)
    const ports = begun.get(from.address) ?? new Set()
    if (ports.size >= most) return void socket.destroy()
    begun.set(from.address, ports.add(from.port))
    socket.once('close', () => end(from))
  })
  server.on('secureConnection', (socket: TLSSocket) => end(whence(socket)))
}
