/**
 * The client for other security servers. Guarantees that no request is sent twice. After a failure before the
 * first byte, or while a server keeps silent, it tries the next server, and throws NotSent when there is none
 * left. After the first byte the outcome is what the peer answers, or unknown.
 */
import type { Readable } from 'node:stream'
import { Pool } from 'undici'
import type { Certificate } from '#core/certificate/certificate.ts'
import { collectBytes } from '#core/transport/collect-bytes.ts'
import { readStream } from '#core/transport/read-stream.ts'
import type { Clock } from '#platform/clock.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { type ClientId, idText, type ServerId } from '#schemas/identifiers.ts'
import type {
  ConfigurationSnapshot,
  GlobalConfiguration,
} from '../global-configuration/global-configuration.ts'
import { ANY_GRACE } from '../global-configuration/snapshot.ts'
import type { Keys } from '../keys/keys.ts'
import { createRateCheck } from '../message/minimum-rate.ts'
import { createServerChoice, type ServerWithAddress } from './choose-server.ts'
import { type ConcurrencyLimit, createConcurrencyLimit } from './concurrency-limit.ts'
import { createOcspFetch } from './fetch-ocsp.ts'
import { handshake } from './handshake.ts'
import {
  type AnswerContent,
  callHttp,
  faster,
  type HttpAnswer,
  type HttpCall,
  NotBegun,
} from './http-call.ts'
import { beforeSending, NotSent } from './not-sent.ts'
import { createPeerSockets, type PeerSockets } from './peer-sockets.ts'
import { presentedChain } from './presented-chain.ts'
import { type Race, sendToFirst } from './send-to-first.ts'
import type { XRoadTlsPeers } from './tls-profile.ts'
import { authenticationPath, registeredServer, type VerifyPeer } from './verify-peer.ts'

export type PeerReply = {
  statusCode: number
  headers: Record<string, string | undefined>
  /** The caller must read it to the end or destroy it: until then it occupies a connection. */
  content: Readable | AnswerContent
  server: ServerId
}

export type PeerRequest = {
  provider: ClientId
  wanted?: ServerId | undefined
  /** The path of the URL on that server; `/` for messages. */
  path?: string
  headers: Record<string, string>
  /** How long past the end of the configuration (ms) it may go, by its contract; absent: not at all. */
  graceMs?: number | undefined
  /** Called for each connection attempt; returns the content from its start. */
  content: () => Buffer | Readable
}

/** A small request to one server itself that is not a message. */
type PeerQuestion = {
  method: 'GET' | 'POST'
  path: string
  body?: Buffer | undefined
  contentType?: string | undefined
  maxReplyBytes: number
}

export type PeerClient = {
  /**
   * Posts one transport message to a server of `provider` and returns its reply; the body is not read yet.
   */
  post(request: PeerRequest): Promise<PeerReply>
  /**
   * Sends a question to this server and reads the whole answer. Throws `unknown_server` when the server is
   * not registered.
   */
  ask(
    server: ServerId,
    question: PeerQuestion,
  ): Promise<{ statusCode: number; headers: PeerReply['headers']; body: Buffer }>
  /** Connects to this server and verifies it as for a message, but sends nothing. Throws the same faults. */
  reach(server: ServerId): Promise<void>
  /** The servers to which the last connection attempt failed, with the time (ms) and the fault. */
  troubles(): { server: ServerId; at: number; fault: Fault }[]
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

type Peer = { server: ServerWithAddress; pool: Pool; sockets: PeerSockets; limit: ConcurrencyLimit }

type Rooms = {
  keys: Pick<Keys, 'authenticationIdentity' | 'onChange'>
  globalConfiguration: Pick<GlobalConfiguration, 'current' | 'currentWithin' | 'onChange'>
  verifyPeer: VerifyPeer
  xroadTlsPeers: XRoadTlsPeers
  clock: Clock
}

/** How many exchanges may wait for each connection. */
const WAITING_PER_CONNECTION = 16
/** A signed refusal is sent in a header (peer-refusal.ts bounds its size). */
const MAX_HEADER_BYTES = 96 * 1024

export function createPeerClient(rooms: Rooms, settings: PeerClientSettings): PeerClient {
  const { messagePort, ocspPort, connectTimeoutMs } = settings
  const { clock, globalConfiguration } = rooms
  const peers = new Map<string, Peer>()
  const troubles = new Map<string, { server: ServerId; at: number; fault: Fault }>()
  const choice = createServerChoice({ port: messagePort, connectTimeoutMs, clock })
  const fetchOcsp = createOcspFetch({ port: ocspPort, timeoutMs: connectTimeoutMs, clock })

  async function verify(
    server: ServerWithAddress,
    presented: Certificate[],
    snapshot: ConfigurationSnapshot,
  ): Promise<number> {
    const { instance } = server.id
    const found = registeredServer(presented[0], instance, snapshot)
    if (idText(found.server.id) !== idText(server.id)) {
      throw new Fault('unknown_peer', { what: `${server.address} answered as ${idText(found.server.id)}` })
    }
    const path = authenticationPath(presented, found.configuration, clock())
    const ocspResponses = await fetchOcsp(server.address, path.slice(0, -1), path, found.configuration)
    return rooms.verifyPeer({ presented, instance, ocspResponses, snapshot, at: clock() }).validUntil
  }

  function registered(id: ServerId, { indexFor }: ConfigurationSnapshot): ServerWithAddress {
    const server = indexFor(id.instance)?.server(id)
    if (server?.address === undefined) throw new Fault('unknown_server', { what: idText(id) })
    return { ...server, address: server.address }
  }

  function createPeer(server: ServerWithAddress): Peer {
    const sockets = createPeerSockets({
      globalConfiguration,
      clock,
      connect: () =>
        handshake({
          server,
          port: messagePort,
          timeoutMs: connectTimeoutMs,
          identity: rooms.keys.authenticationIdentity(),
          xroadTlsPeers: rooms.xroadTlsPeers,
        }),
      chainOf: presentedChain,
      verify: (chain, snapshot) => verify(server, chain, snapshot),
    })
    const pool = new Pool(`https://${hostOf(server.address)}:${messagePort}`, {
      connections: settings.connectionsPerPeer,
      pipelining: 1,
      maxHeaderSize: MAX_HEADER_BYTES,
      // Below the peer's own idle limit, so that this client never writes on a socket that the peer is just
      // closing.
      keepAliveTimeout: settings.idleTimeoutMs,
      keepAliveMaxTimeout: settings.idleTimeoutMs,
      headersTimeout: settings.replyTimeoutMs,
      bodyTimeout: settings.replyTimeoutMs,
      connect: (_options, callback) => {
        beforeSending(() => open(server, sockets)).then(
          (socket) => callback(null, socket),
          (cause) => callback(cause as NotSent, null),
        )
      },
    })
    const limit = createConcurrencyLimit({
      atOnce: settings.connectionsPerPeer,
      waiting: settings.connectionsPerPeer * WAITING_PER_CONNECTION,
      waitMs: settings.replyTimeoutMs,
      what: idText(server.id),
    })
    return { server, pool, sockets, limit }
  }

  async function open({ id }: ServerWithAddress, sockets: PeerSockets): ReturnType<PeerSockets['open']> {
    try {
      const socket = await sockets.open()
      troubles.delete(idText(id))
      return socket
    } catch (cause) {
      troubles.set(idText(id), { server: id, at: clock(), fault: asFault(cause) })
      throw cause
    }
  }

  function peerOf(server: ServerWithAddress): Peer {
    const key = idText(server.id)
    const known = peers.get(key)
    if (known?.server.address === server.address) return known
    if (known !== undefined) retire(known)
    const peer = createPeer(server)
    peers.set(key, peer)
    return peer
  }

  /** Who waited with the address of before does not take the place of the connections to the present one. */
  const whereItIs = (server: ServerWithAddress): Peer => {
    const { indexFor } = globalConfiguration.currentWithin(ANY_GRACE)
    const { address } = indexFor(server.id.instance)?.server(server.id) ?? server
    return peerOf({ ...server, address: address ?? server.address })
  }

  let presented = presentedNow(rooms.keys)
  /**
   * A new certificate of this server must be presented at once: the old pools finish their requests, new
   * requests use new pools.
   */
  const presentAnew = (): void => {
    const now = presentedNow(rooms.keys)
    if (now === presented) return
    presented = now
    for (const peer of peers.values()) retire(peer)
    peers.clear()
  }
  const stops = [
    rooms.keys.onChange(presentAnew),
    globalConfiguration.onChange(() => {
      presentAnew()
      // Connections to servers that left the configuration end now, not with the next request.
      for (const { sockets } of peers.values()) sockets.recheck()?.catch(() => undefined)
      const { indexFor } = globalConfiguration.currentWithin(ANY_GRACE)
      for (const [name, { server }] of troubles)
        if (indexFor(server.instance)?.server(server) === undefined) troubles.delete(name)
    }),
  ]

  return {
    async post(request) {
      const { provider, wanted, graceMs = 0 } = request
      const inForce = () => globalConfiguration.currentWithin(graceMs)
      const servers = await beforeSending(() => choice.choose({ provider, wanted, snapshot: inForce() }))
      if (servers.length === 1) return postTo(() => whereItIs(servers[0]!), request, inForce)
      const reply = await sendToFirst({
        servers,
        send: (server, race) => postTo(() => whereItIs(server), request, inForce, race),
        onFailure: ({ id }) => choice.drop(id),
      })
      if (reply.server !== servers[0]!.id) choice.keep(provider, reply.server)
      return reply
    },
    ask: async (id, question) => {
      const inForce = () => globalConfiguration.current()
      const server = registered(id, inForce())
      return askPeer(() => whereItIs(server), question, inForce)
    },
    async reach(id) {
      const server = registered(id, globalConfiguration.currentWithin(ANY_GRACE))
      const socket = await open(server, peerOf(server).sockets)
      socket.destroy()
    },
    troubles: () => [...troubles.values()],
    async close() {
      for (const stop of stops) stop()
      await Promise.all([...peers.values()].map(({ pool }) => pool.destroy()))
    },
  }
}

async function askPeer(
  peerNow: () => Peer,
  question: PeerQuestion,
  inForce: InForce,
): ReturnType<PeerClient['ask']> {
  const { method, path, body = null, contentType = 'text/plain', maxReplyBytes } = question
  const headers = body === null ? {} : { 'content-type': contentType }
  const { answer, server } = await callPeer(peerNow, () => ({ method, path, headers, body }), inForce)
  const { statusCode, headers: received, content } = answer
  const tooLarge = (): Fault => new Fault('http_error', { what: `${idText(server)} answers too much` })
  const { write, bytes } = collectBytes(maxReplyBytes, tooLarge)
  try {
    const checkRate = createRateCheck('peer_timeout')
    await readStream(content, (chunk) => {
      checkRate(chunk)
      write(chunk)
    })
  } catch (cause) {
    content.destroy()
    throw cause
  }
  return { statusCode, headers: singleValues(received), body: bytes() }
}

async function postTo(
  peerNow: () => Peer,
  { headers, content, path = '/' }: PeerRequest,
  inForce: InForce,
  race?: Race,
): Promise<PeerReply> {
  const call = () => ({ method: 'POST', path, headers, body: content() }) as const
  const { answer, server } = await callPeer(peerNow, call, inForce, race)
  const { statusCode, headers: received, content: reply } = answer
  return { statusCode, headers: singleValues(received), content: reply, server }
}

/** Throws when the configuration by which a request may go has ended. */
type InForce = () => unknown

type Called = { answer: HttpAnswer; server: ServerId }

/**
 * `peerNow` is asked again when the connections of the peer were retired while the call waited for its turn:
 * nothing was sent yet.
 */
async function callPeer(
  peerNow: () => Peer,
  call: () => HttpCall,
  inForce: InForce,
  race?: Race,
): Promise<Called> {
  const first = peerNow()
  return (
    (await callOver(first, call, inForce, race)) ?? (await callOver(peerNow(), call, inForce, race, true))!
  )
}

/** Undefined when its connections are retired; the `last` attempt fails then. */
async function callOver(
  peer: Peer,
  call: () => HttpCall,
  inForce: InForce,
  race: Race | undefined,
  last = false,
): Promise<Called | undefined> {
  // It may have ended while the request waited for its turn and for a connection.
  const objection = (): NotSent | undefined => {
    try {
      inForce()
    } catch (cause) {
      return new NotSent(cause)
    }
    return race === undefined || race.mayStart() ? undefined : faster()
  }
  const leave = await beforeSending(peer.limit.take)
  try {
    await beforeSending(peer.sockets.recheck)
    // What began on a connection and is aborted there costs the connection.
    if (race?.isDecided()) throw faster()
    if (peer.pool.closed && !last) {
      leave()
      return undefined
    }
    const answer = await callHttp(peer.pool, call(), { objection, onOver: leave })
    return { answer, server: peer.server.id }
  } catch (cause) {
    leave()
    throw failureOf(cause, peer.server.id)
  }
}

function retire({ pool }: Peer): void {
  // The pool ends when its running requests have ended.
  pool.close().catch(() => undefined)
}

/** The SHA-256 of the certificate that this server presents; '' while there is none. */
function presentedNow(keys: Pick<Keys, 'authenticationIdentity'>): string {
  try {
    return keys.authenticationIdentity().certificate.sha256
  } catch {
    return ''
  }
}

function hostOf(address: string): string {
  return address.includes(':') ? `[${address}]` : address
}

function singleValues(received: HttpAnswer['headers']): Record<string, string | undefined> {
  const headers: HttpAnswer['headers'] = received
  for (const name of Object.keys(headers)) {
    const value = headers[name]
    if (Array.isArray(value)) headers[name] = value[0]
  }
  return headers as Record<string, string | undefined>
}

/**
 * Counts as a failure before the first byte only what is marked NotSent or NotBegun, or what undici refused
 * to start.
 */
function failureOf(thrown: unknown, server: ServerId): Fault {
  if (thrown instanceof NotSent) return thrown
  const cause = thrown instanceof NotBegun ? thrown.cause : thrown
  const code = (cause as { code?: string }).code
  if (code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_CLOSED') return new NotSent(cause)
  const what = idText(server)
  if (thrown instanceof NotBegun) return new NotSent(new Fault('network_error', { what, cause }))
  const late =
    code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT' || code === 'peer_timeout'
  return new Fault(late ? 'peer_timeout' : 'connection_lost', { what, cause })
}
