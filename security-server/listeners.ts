/** The listeners of a security server: HTTP and HTTPS for client systems, mutual TLS for peers. */
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
import { sendInPieces } from '#platform/http-service/send-pieces.ts'
import { isClosing } from '#platform/http-service/unread-body.ts'
import { watchTaking } from '#platform/http-service/watch-taking.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { startInTurn } from '#platform/process/start-in-turn.ts'
import type { PortSharing } from '#platform/workers/shared-ports.ts'
import { Fault, type FaultOrigin } from '#schemas/fault.ts'
import type { Settings } from './config.ts'
import { refuseRequest, routeOf } from './consumer/routes.ts'
import { drainOnClose } from './drain-listener.ts'
import type { GlobalConfiguration } from './global-configuration/global-configuration.ts'
import type { Keys } from './keys/keys.ts'
import { mutualTls, mutualTlsOptions } from './peer/mutual-tls.ts'
import type { PeerSettings } from './peer/settings.ts'
import { tlsCredentials, type XRoadTlsPeers } from './peer/tls-profile.ts'

type FrameworkErrors = (cause: FastifyError, request: FastifyRequest, reply: FastifyReply) => void

/**
 * Headers must arrive within 10 s. A body may take long: only silence on the socket ends it, not its length.
 * While an answer is being made the socket may be silent (peer/idle-timeout.ts).
 */
const COMMON = {
  schemaController: NO_SCHEMAS,
  logController: new LogController({ disableRequestLogging: true }),
  exposeHeadRoutes: false,
  forceCloseConnections: 'idle' as const,
  requestTimeout: 0,
  connectionTimeout: 120_000,
  // Well above the time for which our own client keeps idle sockets, so that it never writes on a socket that
  // is closing.
  keepAliveTimeout: 20_000,
  bodyLimit: Number.MAX_SAFE_INTEGER,
  // While the server drains, a request on an open connection is still carried out; its answer closes the
  // connection.
  return503OnClosing: false,
  // A request that the router cannot read is refused like every other request that is no exchange.
  frameworkErrors: ((cause, request, reply) =>
    void request.server.errorHandler(cause, request, reply)) as FrameworkErrors,
}
/** More connections at once help nobody: each may hold a body of 64 KiB in memory. */
const MAX_CONNECTIONS = 4096
/**
 * With a limit Node would silently drop the headers beyond it, even a Content-Length. The limit on the size
 * of the head is enough.
 */
const ANY_COUNT_OF_HEADERS = 0
const HTTP = { headersTimeout: 10_000, maxHeaderSize: 32 * 1024, connectionsCheckingInterval: 5_000 }

type ClientKeys = { internalTls: Pick<Keys['internalTls'], 'identity'>; onChange: Keys['onChange'] }

/**
 * Listens for client systems; `routes` adds the routes. HTTPS asks for a client certificate and accepts any:
 * the connection mode of the subsystem decides later.
 */
export async function listenForClients(
  settings: Settings['clients'],
  { keys, log, share = {} }: { keys: ClientKeys; log: Log; share?: PortSharing },
  routes: (app: FastifyInstance) => void | Promise<void>,
): Promise<FastifyInstance[]> {
  const apps: { app: FastifyInstance; host: string; port: number }[] = []
  const edge = { ...COMMON, ...brokenRequests('server.clientproxy', log) }
  const rewriteUrl = routeOf
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
  const listen = async ({ app, host, port }: (typeof apps)[number]): Promise<void> => {
    app.server.maxConnections = MAX_CONNECTIONS
    app.server.maxHeadersCount = ANY_COUNT_OF_HEADERS
    watchTaking(app.server, untaken('consumer', log))
    sendInPieces(app)
    drainOnClose(app)
    app.setNotFoundHandler((request, reply) => refuseRequest(request, reply, new Fault('not_found'), log))
    app.setErrorHandler((cause, request, reply) => refuseRequest(request, reply, cause, log))
    app.addHook('onRequest', refuseOddHttp)
    await routes(app)
    await app.listen({ host, port, ...share })
  }
  return startInTurn(async (inTurn) => {
    for (const one of apps) {
      inTurn.defer(() => one.app.close())
      await listen(one)
    }
    return apps.map(({ app }) => app)
  })
}

/**
 * Presents the newest internal TLS certificate from the next handshake on; open connections keep the one they
 * have. Until the token was unlocked for the first time there is no certificate, and handshakes fail.
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

/** Answers bytes that are not HTTP with a fault as well; the log names it by the same id. */
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

/**
 * Logs that the client did not read the answer. The message log already has the exchange and its reply, so
 * this is only a line here.
 */
function untaken(half: string, log: Log): (request: IncomingMessage) => void {
  return ({ socket }) => log.warn({ half, from: socket.remoteAddress }, 'an answer was not taken')
}

/**
 * Refuses other HTTP versions. Node's parser reads a request line without a version as HTTP/0.9, which has
 * neither headers nor an end; HTTP/1.0 has no chunked bodies.
 */
async function refuseOddHttp({ raw }: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  // The socket is closing: the request would be carried out, but its answer could not be sent.
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
  share?: PortSharing
}

/**
 * Listens for peers as soon as there are keys and a configuration. Before that there is no certificate to
 * present and no peer to trust. `stop` closes the listener.
 */
export function listenForPeers(
  settings: PeerSettings,
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
      await next.listen({ host: settings.address, port: settings.messagePort, ...rooms.share })
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
        // A new server has no keys or no configuration yet, so a Fault is expected. Any other error is for
        // the operator.
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
