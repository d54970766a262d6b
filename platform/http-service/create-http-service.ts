/**
 * The one way to make a listener: every wait and size is bounded, every failure, also of a request that HTTP itself
 * cannot read, leaves as {type, message, detail} with X-Road-Error, and each answered request is one log line.
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
import type { RateLimit } from './rate-limit.ts'
import { limitRate } from './rate-limit.ts'
import { readBodies } from './read-bodies.ts'
import { watchTaking } from './watch-taking.ts'

export type HttpServiceOptions = {
  name: string
  log: Log
  clock?: Clock
  /** TLS settings of node:https; plain HTTP when absent. */
  https?: ServerOptions
  /** Bytes of a body; 50 KB when absent, as X-Road's admin APIs. A route may set its own. */
  bodyLimit?: number
  maxHeaderBytes?: number
  headersTimeoutMs?: number
  /** For the whole request with its body; a listener for large bodies sets 0 and watches progress itself. */
  requestTimeoutMs?: number
  keepAliveTimeoutMs?: number
  /** Which half of a server speaks, for the prefix of fault types; none for admin APIs. */
  origin?: FaultOrigin
  /** Requests of one address; off when absent. `adminRateLimit` is X-Road's default. */
  rateLimit?: RateLimit
  /** One line for each request; true when absent. The message path writes its own. */
  logRequests?: boolean
}

export const ADMIN_BODY_LIMIT = 50 * 1024
export const UPLOAD_BODY_LIMIT = 10 * 1024 * 1024

const MAX_HEADER_BYTES = 16 * 1024
const HEADERS_TIMEOUT_MS = 10_000
const REQUEST_TIMEOUT_MS = 60_000
const KEEP_ALIVE_TIMEOUT_MS = 30_000
const MAX_PARAMETER_LENGTH = 1200
/** Files and databases need some of what the process may open. */
const MAX_CONNECTIONS = 4096

declare module 'fastify' {
  interface FastifyContextConfig {
    /** false: this route is not counted (health and metrics, which are asked all the time). */
    rateLimit?: boolean
  }
}

/** A Fastify instance with the project's limits, faults and log; add routes, then listen. */
export function createHttpService(q: HttpServiceOptions): FastifyInstance {
  const limits = {
    maxHeaderSize: q.maxHeaderBytes ?? MAX_HEADER_BYTES,
    headersTimeout: q.headersTimeoutMs ?? HEADERS_TIMEOUT_MS,
    // Looks for connections that exceeded a time-out twice a second instead of every 30 s.
    connectionsCheckingInterval: 500,
  }
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
      void answerThrown(error, request as FastifyRequest, reply as FastifyReply, q.origin),
  } as FastifyHttpOptions<RawServerDefault>)
  app.setErrorHandler((error, request, reply) => answerThrown(error, request, reply, q.origin))
  app.server.maxConnections = MAX_CONNECTIONS
  // Node would answer 417 by itself, without a word. Whoever expects what we do not know gets the usual answer (RFC 9110 section 10.1.1).
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response))
  watchTaking(app.server)
  readBodies(app)
  answerUnknownRoute(app)
  if (q.rateLimit !== undefined) limitRate(app, q.rateLimit, q.clock ?? systemClock)
  app.addHook('onRequest', async (_request, reply) => {
    reply.headers({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' })
  })
  if (q.logRequests !== false) logRequests(app)
  return app
}

function logRequests(app: FastifyInstance): void {
  app.addHook('onResponse', async (request, reply) => {
    const line = {
      method: request.method,
      // The pattern, not the address: an address may hold personal codes.
      route: request.routeOptions.url ?? '',
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime * 10) / 10,
      address: request.socket.remoteAddress,
      ...(reply.faultType === undefined ? {} : { fault: reply.faultType, detail: reply.faultDetail }),
    }
    request.log.info(line, 'request')
  })
}
