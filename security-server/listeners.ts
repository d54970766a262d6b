/** The listeners of a security server: for client systems by HTTP and HTTPS, for peers by mutual TLS, 5577 for OCSP. */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { Server } from 'node:tls'
import Fastify, {
  type FastifyError,
  type FastifyHttpOptions,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
  type RawServerDefault,
} from 'fastify'
import { answerBrokenRequest } from '#platform/http-service/broken-request.ts'
import { LISTENER_TLS } from '#platform/http-service/listener-tls.ts'
import { NO_SCHEMAS } from '#platform/http-service/no-schemas.ts'
import { watchTaking } from '#platform/http-service/watch-taking.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { Fault, type FaultOrigin } from '#schemas/fault.ts'
import type { Settings } from './config.ts'
import { refuseRequest, routeOf } from './consumer/routes.ts'
import { drainOnClose } from './drain-listener.ts'
import type { GlobalConfiguration } from './global-configuration/global-configuration.ts'
import type { Keys } from './keys/keys.ts'
import { mutualTls, mutualTlsOptions } from './peer/mutual-tls.ts'
import { tlsCredentials, type XRoadTlsPeers } from './peer/tls-profile.ts'
import { isClosing } from './peer/unread-body.ts'

type FrameworkErrors = (cause: FastifyError, request: FastifyRequest, reply: FastifyReply) => void

/**
 * Headers within 10 s; bodies may take long, so what ends them is silence on the socket, not their length. While an
 * answer is being made the socket may be silent (peer/idle-timeout.ts).
 */
const COMMON = {
  schemaController: NO_SCHEMAS,
  logController: new LogController({ disableRequestLogging: true }),
  exposeHeadRoutes: false,
  forceCloseConnections: 'idle' as const,
  requestTimeout: 0,
  connectionTimeout: 120_000,
  // Well above what our own client keeps idle sockets for, so that it never writes on one that is closing.
  keepAliveTimeout: 20_000,
  bodyLimit: Number.MAX_SAFE_INTEGER,
  // While we drain, what comes on a connection that is open already is still carried out; the answer closes it.
  return503OnClosing: false,
  // What the router cannot read is refused as all else that is no exchange.
  frameworkErrors: ((cause, request, reply) =>
    void request.server.errorHandler(cause, request, reply)) as FrameworkErrors,
}
/** More than that at once is no use to anybody: each may hold a body of 64 KiB in memory. */
const MAX_CONNECTIONS = 4096
/** Node leaves out what is over its own count, a body's length too; the size of the head is bound enough. */
const ANY_COUNT_OF_HEADERS = 0
const HTTP = { headersTimeout: 10_000, maxHeaderSize: 32 * 1024, connectionsCheckingInterval: 5_000 }

type ClientKeys = { internalTls: Pick<Keys['internalTls'], 'identity'>; onChange: Keys['onChange'] }

/** Listens for client systems; `routes` adds what they may ask. HTTPS asks for a client certificate and takes any: the mode of the subsystem decides. */
export async function listenForClients(
  settings: Settings['clients'],
  { keys, log }: { keys: ClientKeys; log: Log },
  routes: (app: FastifyInstance) => void | Promise<void>,
): Promise<FastifyInstance[]> {
  const apps: { app: FastifyInstance; host: string; port: number }[] = []
  const edge = { ...COMMON, ...brokenRequests('server.clientproxy', log) }
  const rewriteUrl = (request: { url?: string | undefined }): string => routeOf(request.url ?? '/')
  if (settings.http !== undefined) {
    const app = Fastify({ ...edge, rewriteUrl, http: HTTP })
    apps.push({ app, host: settings.http.address, port: settings.http.port })
  }
  if (settings.https !== undefined) {
    const https = {
      ...HTTP,
      ...LISTENER_TLS,
      requestCert: true,
      rejectUnauthorized: false,
      handshakeTimeout: 10_000,
    }
    const app = Fastify({ ...edge, rewriteUrl, https } as FastifyHttpOptions<RawServerDefault>)
    app.server.on('tlsClientError', (_cause: Error, socket: { destroy(): void }) => socket.destroy())
    showInternalTls(app, keys, log)
    apps.push({ app, host: settings.https.address, port: settings.https.port })
  }
  for (const { app, host, port } of apps) {
    app.server.maxConnections = MAX_CONNECTIONS
    app.server.maxHeadersCount = ANY_COUNT_OF_HEADERS
    watchTaking(app.server, untaken('consumer', log))
    drainOnClose(app)
    app.setNotFoundHandler((request, reply) => refuseRequest(request, reply, new Fault('not_found'), log))
    app.setErrorHandler((cause, request, reply) => refuseRequest(request, reply, cause, log))
    app.addHook('onRequest', refuseOddHttp)
    await routes(app)
    await app.listen({ host, port })
  }
  return apps.map(({ app }) => app)
}

/**
 * Presents the internal TLS certificate, another one from the next handshake on; open connections stay. Until the token
 * was unlocked once there is none to present, and handshakes fail.
 */
function showInternalTls(app: FastifyInstance, { internalTls, onChange }: ClientKeys, log: Log): void {
  const { server } = app
  if (!(server instanceof Server)) throw new Error('this listener shows no certificate')
  const present = (): void => {
    const identity = internalTls.identity()
    try {
      if (identity !== undefined) server.setSecureContext({ ...LISTENER_TLS, ...tlsCredentials(identity) })
    } catch (cause) {
      log.error({ err: cause }, 'the internal TLS certificate cannot be shown: the one before it stays')
    }
  }
  present()
  const stop = onChange(present)
  app.addHook('onClose', async () => stop())
}

/** What is no HTTP gets a fault like any other, found in the log by its id. */
function brokenRequests(origin: FaultOrigin, log: Log) {
  return {
    clientErrorHandler(error: Error & { code?: string }, socket: Socket): void {
      const from = socket.remoteAddress
      const fault = answerBrokenRequest(error, socket, origin)
      if (fault === undefined) return
      log.info(
        { from, outcome: fault.code, detail: fault.detail, cause: { message: error.message } },
        'refused',
      )
    },
  }
}

/** The exchange itself is on record with its reply: that nobody took it stands in a line of its own. */
function untaken(half: string, log: Log): (request: IncomingMessage) => void {
  return ({ socket }) => log.warn({ half, from: socket.remoteAddress }, 'an answer was not taken')
}

/** Node's parser takes a request line without version for HTTP/0.9, which has neither headers nor an end; HTTP/1.0 has no chunks. */
async function refuseOddHttp({ raw }: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  // Carried out, it would never be answered.
  if (isClosing(raw)) return reply.hijack()
  if (hostsOf(raw.rawHeaders) > 1)
    throw new Fault('invalid_request', { what: 'more than one Host (RFC 9112 3.2)' })
  if (raw.httpVersionMinor === 0 && raw.headers['transfer-encoding'] !== undefined)
    throw new Fault('invalid_request', { what: 'HTTP/1.0 has no transfer codings (RFC 9112 6.1)' })
  if (raw.httpVersionMajor !== 1) throw new Fault('invalid_request', { what: 'HTTP/1.1 is needed' })
}

function hostsOf(rawHeaders: readonly string[]): number {
  let hosts = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!
    if (name.length === 4 && name.toLowerCase() === 'host') hosts += 1
  }
  return hosts
}

type PeerRooms = {
  keys: Keys
  globalConfiguration: GlobalConfiguration
  xroadTlsPeers: XRoadTlsPeers
  log: Log
}

/**
 * Listens for peers as soon as there are keys and a configuration: before that there is neither a certificate to show nor
 * anybody to trust. `stop` ends it.
 */
export function listenForPeers(
  settings: Settings['peers'],
  rooms: PeerRooms,
  routes: (app: FastifyInstance) => void | Promise<void>,
): { isListening(): boolean; stop(): Promise<void> } {
  let app: FastifyInstance | undefined
  let starting: Promise<void> | undefined
  let stopped = false

  async function start(): Promise<void> {
    const https = { ...HTTP, ...mutualTlsOptions(rooms) }
    const edge = { ...COMMON, ...brokenRequests('server.serverproxy', rooms.log) }
    const next = Fastify({ ...edge, https } as FastifyHttpOptions<RawServerDefault>)
    next.addHook('onRequest', refuseOddHttp)
    next.server.maxConnections = MAX_CONNECTIONS
    next.server.maxHeadersCount = ANY_COUNT_OF_HEADERS
    watchTaking(next.server, untaken('provider', rooms.log))
    drainOnClose(next)
    mutualTls(next, rooms)
    await routes(next)
    try {
      await next.listen({ host: settings.address, port: settings.messagePort })
    } catch (cause) {
      await next.close()
      throw cause
    }
    app = next
    rooms.log.info({ address: settings.address, port: settings.messagePort }, 'listening for peers')
  }

  const startWhenPossible = (): void => {
    if (stopped || app !== undefined || starting !== undefined) return
    starting = start()
      .catch((cause: unknown) => {
        // Without keys or configuration that is how a server begins; anything else the operator has to hear.
        rooms.log[cause instanceof Fault ? 'debug' : 'error']({ err: cause }, 'not listening for peers yet')
      })
      .finally(() => {
        starting = undefined
      })
  }
  const stops = [
    rooms.keys.onChange(startWhenPossible),
    rooms.globalConfiguration.onChange(startWhenPossible),
  ]
  startWhenPossible()

  return {
    isListening: () => app !== undefined,
    async stop() {
      stopped = true
      for (const stop of stops) stop()
      await starting
      await app?.close()
    },
  }
}
