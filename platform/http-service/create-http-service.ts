/**
 * Makes every listener of the product. Every wait and size is bounded. Every failure, also of a request that
 * is not valid HTTP, is answered as {type, message, detail} with X-Road-Error. Each answered request is one
 * log line.
 */
import { randomUUID } from 'node:crypto'
import type { ServerOptions } from 'node:https'
import type {
  FastifyHttpOptions,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  RawServerDefault,
} from 'fastify'
import { fastify, LogController } from 'fastify'
import type { Clock } from '#platform/clock.ts'
import { systemClock } from '#platform/clock.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { FaultOrigin } from '#schemas/fault.ts'
import { answerBrokenRequest } from './broken-request.ts'
import { answerThrown } from './fault-answer.ts'
import { answerUnknownRoute } from './known-routes.ts'
import { NO_SCHEMAS } from './no-schemas.ts'
import type { Counter, RateLimit } from './rate-limit.ts'
import { limitRate } from './rate-limit.ts'
import { readBodies } from './read-bodies.ts'
import { sendInPieces } from './send-pieces.ts'
import { refuseAfterEnd } from './unread-body.ts'
import { watchTaking } from './watch-taking.ts'

export type HttpServiceOptions = {
  name: string
  log: Log
  clock?: Clock
  /** TLS settings of node:https; plain HTTP if undefined. */
  https?: ServerOptions
  /** Maximum bytes of a body; by default 50 KB, as in X-Road's admin APIs. A route may set its own. */
  bodyLimit?: number
  maxHeaderBytes?: number
  headersTimeoutMs?: number
  /** For the whole request with its body. A listener for large bodies sets 0 and watches progress itself. */
  requestTimeoutMs?: number
  keepAliveTimeoutMs?: number
  /** The half of the server that reports faults, for the prefix of fault types; undefined for admin APIs. */
  origin?: FaultOrigin
  /**
   * Limits the requests of one address; undefined: no limit. `adminRateLimit` is X-Road's default. Listeners
   * may share a counter.
   */
  rateLimit?: RateLimit | Counter
  /** Of whom a request is, for that limit: of the connection by default (behind-proxy.ts). */
  addressOf?: (request: FastifyRequest) => string
  /**
   * How a failure is answered where people read it, or programs another form; as a fault in JSON otherwise.
   * No hook ran for some.
   */
  answerFailure?: (thrown: unknown, request: FastifyRequest, reply: FastifyReply) => FastifyReply
  /** Whether to log one line per request; true by default. The message path writes its own lines. */
  logRequests?: boolean
}

export const ADMIN_BODY_LIMIT = 50 * 1024
export const UPLOAD_BODY_LIMIT = 10 * 1024 * 1024

const MAX_HEADER_BYTES = 16 * 1024
const HEADERS_TIMEOUT_MS = 10_000
const REQUEST_TIMEOUT_MS = 60_000
const KEEP_ALIVE_TIMEOUT_MS = 30_000
const MAX_PARAMETER_LENGTH = 1200
/** Of the files that the process may open, files and databases need some too. */
const MAX_CONNECTIONS = 4096

const HEADERS = { 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' }

declare module 'fastify' {
  interface FastifyContextConfig {
    /** false: requests to this route are not counted (health and metrics, which are polled all the time). */
    rateLimit?: boolean
  }
}

/** A Fastify instance with the project's limits, faults and log. Add routes, then listen. */
export function createHttpService(q: HttpServiceOptions): FastifyInstance {
  const limits = {
    maxHeaderSize: q.maxHeaderBytes ?? MAX_HEADER_BYTES,
    headersTimeout: q.headersTimeoutMs ?? HEADERS_TIMEOUT_MS,
    // Checks twice a second, instead of every 30 s, for connections that exceeded a time-out.
    connectionsCheckingInterval: 500,
  }
  const { answerFailure = (error, request, reply) => answerThrown(error, request, reply, q.origin) } = q
  const app: FastifyInstance = fastify({
    ...(q.https === undefined ? { http: limits } : { https: { ...q.https, ...limits } }),
    loggerInstance: q.log.child({ service: q.name }) as never,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    requestTimeout: q.requestTimeoutMs ?? REQUEST_TIMEOUT_MS,
    keepAliveTimeout: q.keepAliveTimeoutMs ?? KEEP_ALIVE_TIMEOUT_MS,
    bodyLimit: q.bodyLimit ?? ADMIN_BODY_LIMIT,
    schemaController: NO_SCHEMAS,
    trustProxy: false,
    requestIdHeader: false,
    genReqId: () => randomUUID(),
    routerOptions: { maxParamLength: MAX_PARAMETER_LENGTH },
    clientErrorHandler: (error, socket) => void answerBrokenRequest(error, socket, q.origin),
    frameworkErrors: (error, request, reply) =>
      answerUnrouted(q, error, request as FastifyRequest, (reply as FastifyReply).headers(HEADERS)),
  } as FastifyHttpOptions<RawServerDefault>)
  app.setErrorHandler(answerFailure)
  app.server.maxConnections = MAX_CONNECTIONS
  // Node would answer 417 by itself, without a body. An unknown expectation is ignored (RFC 9110 section
  // 10.1.1).
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response))
  watchTaking(app.server)
  refuseAfterEnd(app)
  sendInPieces(app)
  readBodies(app)
  answerUnknownRoute(app)
  if (q.rateLimit !== undefined) limitRate(app, q.rateLimit, q.clock ?? systemClock, q.addressOf)
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(HEADERS)
    done()
  })
  if (q.logRequests !== false) logRequests(app)
  return app
}

/**
 * Answers a request whose address cannot be read. No hook ran, it has no query, and what is thrown here would
 * end the process.
 */
function answerUnrouted(
  { answerFailure, origin }: HttpServiceOptions,
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  try {
    if (answerFailure !== undefined) return void answerFailure(error, request, reply)
  } catch (err) {
    request.log.error({ err }, 'a failure could not be answered in its form')
  }
  answerThrown(error, request, reply, origin)
}

function logRequests(app: FastifyInstance): void {
  app.addHook('onResponse', async (request, reply) => {
    const line = {
      method: request.method,
      // The route's pattern, not the address: an address may contain personal codes.
      route: request.routeOptions.url ?? '',
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime * 10) / 10,
      address: request.socket.remoteAddress,
      ...(reply.faultType === undefined ? {} : { fault: reply.faultType, detail: reply.faultDetail }),
    }
    request.log.info(line, 'request')
  })
}
