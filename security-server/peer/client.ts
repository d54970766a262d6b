/**
 * The door to other security servers. Guarantees that no byte of a request leaves before the peer's certificate was
 * verified as that server's, per connection and again with every new configuration or expired status, and that nothing
 * is sent twice: only a failure before the first byte moves on to the next server.
 */
import type { Readable } from 'node:stream'
import { type ConnectionOptions, type TLSSocket, connect as tlsConnect } from 'node:tls'
import { type Dispatcher, Pool } from 'undici'
import type { Certificate } from '#core/certificate/certificate.ts'
import type { Clock } from '#platform/clock.ts'
import { Fault } from '#schemas/fault.ts'
import { type ClientId, idText, type ServerId } from '#schemas/identifiers.ts'
import type {
  ConfigurationSnapshot,
  GlobalConfiguration,
} from '../global-configuration/global-configuration.ts'
import type { Keys } from '../keys/keys.ts'
import { createServerChoice, type ServerWithAddress } from './choose-server.ts'
import { createOcspFetch } from './fetch-ocsp.ts'
import { presentedChain } from './presented-chain.ts'
import { tlsCredentials, tlsVersions, type XRoadTlsPeers } from './tls-profile.ts'
import { authenticationPath, registeredServer, type VerifyPeer } from './verify-peer.ts'

export type PeerReply = {
  statusCode: number
  headers: Record<string, string | undefined>
  content: Readable
  server: ServerId
}

export type PeerClient = {
  /** Posts one transport message to a server of `provider` and gives its reply with the body unread. */
  post(q: {
    provider: ClientId
    wanted?: ServerId | undefined
    headers: Record<string, string>
    content: () => Buffer | Readable
  }): Promise<PeerReply>
  close(): Promise<void>
}

export type PeerClientSettings = {
  messagePort: number
  ocspPort: number
  connectTimeoutMs: number
  replyTimeoutMs: number
  idleTimeoutMs: number
  connectionsPerPeer: number
}

type PeerPool = {
  pool: Pool
  server: ServerWithAddress
  sockets: Map<TLSSocket, Certificate[]>
  version: string
  validUntil: number
}

type Rooms = {
  keys: Keys
  globalConfiguration: GlobalConfiguration
  verifyPeer: VerifyPeer
  xroadTlsPeers: XRoadTlsPeers
  clock: Clock
}

export function createPeerClient(rooms: Rooms, settings: PeerClientSettings): PeerClient {
  const pools = new Map<string, PeerPool>()
  const choice = createServerChoice({
    port: settings.messagePort,
    connectTimeoutMs: settings.connectTimeoutMs,
    clock: rooms.clock,
  })
  const fetchOcsp = createOcspFetch({
    port: settings.ocspPort,
    timeoutMs: settings.connectTimeoutMs,
    clock: rooms.clock,
  })

  async function verify(
    presented: Certificate[],
    server: ServerWithAddress,
    snapshot: ConfigurationSnapshot,
  ): Promise<number> {
    const found = registeredServer(presented[0], snapshot)
    if (idText(found.server.id) !== idText(server.id)) {
      throw new Fault('unknown_peer', { what: `${server.address} answered as ${idText(found.server.id)}` })
    }
    const at = rooms.clock()
    const path = authenticationPath(presented, found.configuration, at)
    const ocspResponses = await fetchOcsp(server.address, path.slice(0, -1), path, found.configuration)
    return rooms.verifyPeer({ presented, ocspResponses, snapshot, at }).validUntil
  }

  function createPool(server: ServerWithAddress): PeerPool {
    const peer: PeerPool = { server, sockets: new Map(), version: '', validUntil: 0 } as unknown as PeerPool
    peer.pool = new Pool(`https://${hostOf(server.address)}:${settings.messagePort}`, {
      connections: settings.connectionsPerPeer,
      pipelining: 1,
      // Below the peer's own idle limit, so that we never write on a socket that it is just closing.
      keepAliveTimeout: settings.idleTimeoutMs,
      keepAliveMaxTimeout: settings.idleTimeoutMs,
      headersTimeout: settings.replyTimeoutMs,
      bodyTimeout: settings.replyTimeoutMs,
      connect: (_options, callback) => {
        connectVerified(peer).then(
          (socket) => callback(null, socket),
          (cause) => callback(cause as Error, null),
        )
      },
    })
    return peer
  }

  async function connectVerified(peer: PeerPool): Promise<TLSSocket> {
    const snapshot = rooms.globalConfiguration.current()
    const socket = await handshake(peer.server)
    try {
      const presented = presentedChain(socket)
      const validUntil = await verify(presented, peer.server, snapshot)
      if (peer.version !== snapshot.version || peer.sockets.size === 0) peer.validUntil = validUntil
      peer.validUntil = Math.min(peer.validUntil, validUntil)
      peer.version = snapshot.version
      peer.sockets.set(socket, presented)
      socket.once('close', () => peer.sockets.delete(socket))
      return socket
    } catch (cause) {
      socket.destroy()
      throw cause
    }
  }

  function handshake(server: ServerWithAddress): Promise<TLSSocket> {
    return new Promise((resolve, reject) => {
      const options: ConnectionOptions & { noDelay: boolean } = {
        host: server.address,
        port: settings.messagePort,
        ...tlsCredentials(rooms.keys.authenticationIdentity()),
        ...tlsVersions(rooms.xroadTlsPeers, server.id),
        // Trust comes from the global configuration: `verify` runs before the first byte (DESIGN 3.6).
        rejectUnauthorized: false,
        ALPNProtocols: ['http/1.1'],
        noDelay: true,
      }
      const socket = tlsConnect(options)
      const fail = (cause: Error): void => {
        socket.destroy()
        reject(new Fault('network_error', { what: idText(server.id), cause }))
      }
      socket.setTimeout(settings.connectTimeoutMs, () => fail(new Error('connect timeout')))
      socket.once('error', fail)
      socket.once('secureConnect', () => {
        socket.setTimeout(0)
        socket.off('error', fail)
        socket.on('error', () => socket.destroy())
        resolve(socket)
      })
    })
  }

  /** Checks the open sockets of a peer again when the configuration changed or a status ran out; bad ones are ended. */
  async function recheck(peer: PeerPool, snapshot: ConfigurationSnapshot): Promise<void> {
    if (peer.version === snapshot.version && rooms.clock() < peer.validUntil) return
    let validUntil = Number.POSITIVE_INFINITY
    for (const [socket, presented] of peer.sockets) {
      try {
        validUntil = Math.min(validUntil, await verify(presented, peer.server, snapshot))
      } catch {
        socket.destroy()
      }
    }
    peer.validUntil = validUntil
    peer.version = snapshot.version
  }

  function poolOf(server: ServerWithAddress): PeerPool {
    const key = idText(server.id)
    const known = pools.get(key)
    if (known?.server.address === server.address) return known
    if (known !== undefined) void known.pool.close()
    const peer = createPool(server)
    pools.set(key, peer)
    return peer
  }

  let presented = ''
  // A new certificate of ours must be presented at once: the old pools finish what they carry.
  const stopListening = rooms.keys.onChange(() => {
    const now = presentedNow(rooms.keys)
    if (now === presented) return
    presented = now
    for (const peer of pools.values()) void peer.pool.close()
    pools.clear()
  })

  return {
    async post({ provider, wanted, headers, content }) {
      const snapshot = rooms.globalConfiguration.current()
      const servers = await choice.choose({ provider, wanted, snapshot })
      let refusal: unknown
      for (const server of servers) {
        const peer = poolOf(server)
        await recheck(peer, snapshot)
        try {
          const reply = await peer.pool.request({ method: 'POST', path: '/', headers, body: content() })
          return { ...reply, headers: singleValues(reply), content: reply.body, server: server.id }
        } catch (cause) {
          choice.drop(server.id)
          if (!isBeforeFirstByte(cause)) throw afterFirstByte(cause, server.id)
          refusal ??= cause
        }
      }
      throw refusal instanceof Fault
        ? refusal
        : new Fault('network_error', { what: idText(servers[0]!.id), cause: refusal })
    },
    async close() {
      stopListening()
      await Promise.all([...pools.values()].map((peer) => peer.pool.destroy()))
    },
  }
}

/** Which certificate we present; '' while there is none to present. */
function presentedNow(keys: Keys): string {
  try {
    return keys.authenticationIdentity().certificate.sha256
  } catch {
    return ''
  }
}

function hostOf(address: string): string {
  return address.includes(':') ? `[${address}]` : address
}

function singleValues(reply: Dispatcher.ResponseData): Record<string, string | undefined> {
  const headers: Record<string, string | undefined> = Object.create(null)
  for (const [name, value] of Object.entries(reply.headers))
    headers[name] = Array.isArray(value) ? value[0] : value
  return headers
}

/** Connect failures, ours included, happen before any byte of the request was written; nothing else is taken for one. */
function isBeforeFirstByte(cause: unknown): boolean {
  if (cause instanceof Fault) return true
  const code = (cause as { code?: string }).code
  return (
    code === 'UND_ERR_CONNECT_TIMEOUT' ||
    code === 'ECONNREFUSED' ||
    code === 'EHOSTUNREACH' ||
    code === 'ENETUNREACH'
  )
}

function afterFirstByte(cause: unknown, server: ServerId): Fault {
  const code = (cause as { code?: string }).code
  const late = code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT'
  return new Fault(late ? 'peer_timeout' : 'connection_lost', { what: idText(server), cause })
}
