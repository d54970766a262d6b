/**
 * The edge towards our own client systems: HTTP request to arrival, answer or fault to HTTP response, one log line an
 * exchange. Nothing else here knows HTTP, nothing else turns a Fault into an answer.
 */
import { createHash } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { flatHeaders } from '#core/transport/rest-message.ts'
import { toFault } from '#platform/http-service/fault-answer.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { asFault, type Fault, wireFault } from '#schemas/fault.ts'
import { HEADER } from '#schemas/wire.ts'
import type { Arrival } from './accept.ts'
import type { Answer } from './answer.ts'
import { exchange } from './exchange.ts'
import type { ConsumerRooms } from './rooms.ts'

export type ExchangeObserver = (outcome: string, seconds: number) => void

/** The one route that stands for every target below /r1/: the router must neither decode nor normalise them. */
const REST_ROUTE = '/r1'

/** For fastify's `rewriteUrl`: all exchange targets go to one route, the raw url stays in `originalUrl`. */
export function routeOf(url: string): string {
  return url.startsWith('/r1/') ? REST_ROUTE : url
}

/** Adds the exchange to a listener made with `rewriteUrl: (request) => routeOf(request.url)`. */
export function consumerRoutes(
  app: FastifyInstance,
  rooms: ConsumerRooms,
  log: Log,
  observe: ExchangeObserver,
): void {
  // Bodies are spooled by the exchange itself, straight from the socket.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  app.addHttpMethod('TRACE', { hasBody: true })
  app.route({
    method: ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT', 'TRACE'],
    url: REST_ROUTE,
    exposeHeadRoute: false,
    handler: async (request, reply) => {
      const began = rooms.clock()
      const line = { half: 'consumer', from: request.ip, method: request.method }
      try {
        const answer = await exchange(arrivalOf(request), rooms)
        log.info({ ...line, ...answer.facts, status: answer.status, ms: rooms.clock() - began }, 'exchange')
        observe('ok', (rooms.clock() - began) / 1000)
        return await sendAnswer(reply, answer)
      } catch (cause) {
        const fault = asFault(cause)
        const ms = rooms.clock() - began
        const facts = {
          outcome: fault.code,
          type: fault.received?.type,
          detail: fault.detail,
          what: fault.what,
        }
        log.warn({ ...line, ...facts, ms, err: causeOf(fault) }, 'exchange')
        observe(fault.code, ms / 1000)
        return sendFault(request, reply, fault)
      }
    },
  })
}

/** A request on one of our listeners as the exchange takes it. */
export function arrivalOf(request: FastifyRequest): Arrival {
  const { raw } = request
  return {
    method: raw.method ?? '',
    url: request.originalUrl,
    rawHeaders: raw.rawHeaders,
    content: raw,
    tls: tlsOf(raw.socket as TLSSocket),
  }
}

const certificates = new WeakMap<TLSSocket, { certificateSha256: string | undefined }>()

function tlsOf(socket: TLSSocket): Arrival['tls'] {
  if (socket.encrypted !== true) return undefined
  let tls = certificates.get(socket)
  if (tls === undefined) {
    const certificate = socket.getPeerX509Certificate()
    const sha256 = certificate && createHash('sha256').update(certificate.raw).digest('hex')
    tls = { certificateSha256: sha256 }
    certificates.set(socket, tls)
  }
  return tls
}

function sendAnswer(reply: FastifyReply, answer: Answer): FastifyReply {
  const { body } = answer
  reply.hijack()
  const { raw } = reply
  raw.sendDate = !answer.headers.some(([name]) => name.toLowerCase() === 'date')
  const length = ['content-length', String(body?.size ?? 0)]
  const bodiless = answer.status === 204 || answer.status === 304
  raw.writeHead(answer.status, answer.reason, [...flatHeaders(answer.headers), ...(bodiless ? [] : length)])
  if (body === undefined || reply.request.method === 'HEAD') raw.end()
  else if (body.bytes !== undefined) raw.end(body.bytes)
  else {
    const content = body.open()
    content.on('error', () => raw.destroy())
    raw.on('close', () => content.destroy())
    content.pipe(raw)
  }
  return reply
}

/** Refuses what is no exchange: a fault like any other, and a line in the log under the id that it carries. */
export function refuseRequest(
  request: FastifyRequest,
  reply: FastifyReply,
  cause: unknown,
  log: Log,
): FastifyReply {
  const fault = toFault(cause)
  const { code: outcome, detail, what } = fault
  log.info({ half: 'consumer', from: request.ip, method: request.method, outcome, detail, what }, 'refused')
  return sendFault(request, reply, fault)
}

/** X-Road's error form (wire 1.4): X-Road-Error, JSON, or XML for clients that ask for it. */
export function sendFault(request: FastifyRequest, reply: FastifyReply, fault: Fault): FastifyReply {
  const { type, message, detail } = wireFault(fault, 'server.clientproxy')
  // X-Road answers 500 for all that is not the client's own error; ours of the 5xx class say more.
  const status = type.startsWith('client.') ? fault.status : Math.max(500, fault.status)
  reply.code(status).header(HEADER.error, type.replace(/[^\x20-\x7e]/g, '?'))
  if (fault.code === 'too_many_requests') reply.header('retry-after', '1')
  // What was not read of the request would be taken for the next one.
  if (!request.raw.complete) reply.header('connection', 'close')
  const accept = request.headers.accept ?? ''
  if (/\b(?:text\/xml|application\/xml|text\/\*)/i.test(accept)) {
    const parts = Object.entries({ type, message, detail }).map(
      ([name, text]) => `<${name}>${escapeXml(text)}</${name}>`,
    )
    return reply.type('application/xml;charset=utf-8').send(`<error>${parts.join('')}</error>`)
  }
  return reply.type('application/json;charset=utf-8').send({ type, message, detail })
}

function escapeXml(text: string): string {
  return text.replace(/[<>&]/g, (sign) => ({ '<': '&lt;', '>': '&gt;', '&': '&amp;' })[sign]!)
}

/** The cause for the log: its name, code and message, never a payload. */
function causeOf(fault: Fault): { type: string; message: string; stack?: string | undefined } | undefined {
  const { cause } = fault
  if (!(cause instanceof Error)) return undefined
  const stack = fault.code === 'internal_error' ? cause.stack : undefined
  return { type: cause.name, message: cause.message, stack }
}
