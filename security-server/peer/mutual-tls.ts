/**
 * The mutual TLS plugin of the listener between servers (@fastify/mutual-tls does not exist on npm).
 * Guarantees that a handler gets only requests on a socket whose certificate chain is known, and that sockets
 * are closed at once when their certificate leaves the configuration. Bounds the connections of each
 * certificate, and the handshakes of each network address.
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
import { ANY_GRACE } from '../global-configuration/snapshot.ts'
import type { AuthenticationIdentity, Keys } from '../keys/keys.ts'
import { boundShares } from './bound-shares.ts'
import { presentedChain } from './presented-chain.ts'
import { pemOf, tlsCredentials, tlsVersions, type XRoadTlsPeers } from './tls-profile.ts'
import { instancesOf } from './verify-peer.ts'

type Rooms = {
  keys: Keys
  globalConfiguration: Pick<GlobalConfiguration, 'currentWithin' | 'onChange'>
  xroadTlsPeers: XRoadTlsPeers
}

/**
 * Options for `https.createServer`: a client certificate is required and must chain to a CA of the
 * configuration. In an outage of the registry it may be past its end; whether the contract of a call lets it
 * go on is checked when its message is read, before its body.
 */
export function mutualTlsOptions(rooms: Rooms): object {
  return {
    ...context(
      rooms.keys.authenticationIdentity(),
      rooms.globalConfiguration.currentWithin(ANY_GRACE),
      rooms.xroadTlsPeers,
    ),
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

/** A quarter of the listener's connections, so that no single peer shuts the others out. */
const MOST_OF_ONE = 1024

const chains = new WeakMap<TLSSocket, Certificate[]>()

/**
 * The chain that the peer of this request presented, its own certificate first; read once per socket. Throws
 * `unknown_peer` when it presented none.
 */
export function chainOf(request: FastifyRequest): Certificate[] {
  const socket = request.raw.socket as TLSSocket
  const known = chains.get(socket)
  if (known !== undefined) return known
  const chain = presentedChain(socket)
  if (chain.length === 0) throw new Fault('unknown_peer', { what: 'no certificate was presented' })
  chains.set(socket, chain)
  return chain
}

/**
 * Renews the listener's TLS context when keys or configuration change, and closes sockets whose certificate
 * is no longer registered.
 */
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
      snapshot = rooms.globalConfiguration.currentWithin(ANY_GRACE)
      server.setSecureContext(context(rooms.keys.authenticationIdentity(), snapshot, rooms.xroadTlsPeers))
    } catch {
      // Without keys or configuration every exchange is refused anyway. The old context stays, so that the
      // refusal can be sent.
      return
    }
    for (const socket of sockets) {
      const chain = chains.get(socket)
      if (chain === undefined) continue
      try {
        instancesOf(chain[0], snapshot)
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

/**
 * Bounds the unfinished handshakes of a network address. There is no certificate to count by yet, and one
 * caller that only connects must not use up the listener's connections.
 */
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
