/**
 * The edge towards our own client systems: HTTP request to arrival, answer or fault to HTTP response, one log
 * line an exchange. Nothing else here knows HTTP, nothing else turns a Fault into an answer.
 */
import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { pipeline } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { FAULT_CONTENT_TYPE, writeSoapFault } from '#core/transport/fault-xml.ts'
import { flatHeaders } from '#core/transport/header-list.ts'
import { escapeXml } from '#core/xml/escape.ts'
import { toFault } from '#platform/http-service/fault-answer.ts'
import { networkOf } from '#platform/http-service/rate-limit.ts'
import { endInPieces } from '#platform/http-service/send-pieces.ts'
import { sendWhole } from '#platform/http-service/unread-body.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { asFault, Fault, wireFault } from '#schemas/fault.ts'
import { catalogue } from '#schemas/fault-catalogue.ts'
import { HEADER } from '#schemas/wire.ts'
import type { Codec } from '../message/codec.ts'
import type { Answer } from '../message/message.ts'
import { rest } from '../message/rest.ts'
import { soap } from '../message/soap.ts'
import { pauseIdleTimeout } from '../peer/idle-timeout.ts'
import { factsOf } from '../peer/log-facts.ts'
import type { Arrival } from './accept.ts'
import type { LoggedAnswer } from './answer.ts'
import { waitFor } from './peer-refusal.ts'
import type { ConsumerRooms } from './rooms.ts'
import { enterConnection } from './under-way.ts'
import { watchedExchange } from './watched-exchange.ts'

type ExchangeObserver = (outcome: string, seconds: number) => void

/**
 * The one route that stands for every target below /r1/: the router must neither decode nor normalise them.
 */
const REST_ROUTE = '/r1'
/** The route of SOAP, which any target but those below /r1/ may have. */
const SOAP_ROUTE = '/soap'
const SOAP_TYPES = /^\s*(?:text\/xml|application\/xop\+xml|multipart\/related)\b/i

/**
 * For fastify's `rewriteUrl`: all exchange targets go to one route for each protocol, the raw url stays in
 * `originalUrl`. Any POST of a SOAP content type that is no REST target goes to X-Road's SOAP handler
 * (ug-ss).
 */
export function routeOf({
  method,
  url = '/',
  headers,
}: Pick<IncomingMessage, 'method' | 'url' | 'headers'>): string {
  if (url.startsWith('/r1/')) return REST_ROUTE
  // An event may be of any type, also one that SOAP has.
  if (url.startsWith('/deliveries/') || url.startsWith('/rooms/')) return url
  return method === 'POST' && SOAP_TYPES.test(headers['content-type'] ?? '') ? SOAP_ROUTE : url
}

/** Adds the exchange to a listener made with `rewriteUrl: routeOf`. */
export function consumerRoutes(
  app: FastifyInstance,
  rooms: ConsumerRooms,
  log: Log,
  observe: ExchangeObserver,
): void {
  // Bodies are spooled by the exchange itself, straight from the socket.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  app.addHttpMethod('TRACE', { hasBody: true, overrideExisting: true })
  const handlerOf = (codec: Codec) => async (request: FastifyRequest, reply: FastifyReply) => {
    const began = rooms.clock()
    const line = { half: 'consumer', from: request.ip, method: request.method }
    const hurryAgain = pauseIdleTimeout(request.raw)
    const answer = await carry(request, codec, rooms).catch(asFault)
    const ms = rooms.clock() - began
    hurryAgain()
    if (answer instanceof Fault) {
      log.warn({ ...line, ...factsOf(answer), ms }, 'exchange')
      observe(answer.code, ms / 1000)
      return sendFault(request, reply, answer)
    }
    log.info({ ...line, ...answer.facts, status: answer.status, ms }, 'exchange')
    observe('ok', ms / 1000)
    return sendAnswer(reply, answer)
  }
  app.route({
    method: ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT', 'TRACE'],
    url: REST_ROUTE,
    exposeHeadRoute: false,
    handler: handlerOf(rest),
  })
  app.post(SOAP_ROUTE, handlerOf(soap))
}

async function carry(request: FastifyRequest, codec: Codec, rooms: ConsumerRooms): Promise<LoggedAnswer> {
  const leave = enterConnection(request.raw.socket)
  try {
    return await watchedExchange({ codec, ...arrivalOf(request) }, rooms)
  } finally {
    leave()
  }
}

/** A request on one of our listeners as the exchange takes it. */
export function arrivalOf(request: FastifyRequest): Omit<Arrival, 'codec'> {
  const { raw } = request
  return {
    method: raw.method ?? '',
    url: request.originalUrl,
    rawHeaders: raw.rawHeaders,
    content: contentOf(raw),
    from: networkOf(raw.socket.remoteAddress ?? ''),
    tls: tlsOf(raw.socket as TLSSocket),
  }
}

/** Reading what is not there costs as much as reading a small body. */
function contentOf(raw: IncomingMessage): IncomingMessage | undefined {
  const { 'content-length': length, 'transfer-encoding': coding } = raw.headers
  // The coding is of this hop alone (RFC 9112 6.1): what is taken off has to be undone, and we undo chunks
  // only.
  if (coding !== undefined && coding.toLowerCase() !== 'chunked')
    throw new Fault('invalid_request', { what: 'a transfer coding other than chunked' })
  if (coding !== undefined || (length !== undefined && length !== '0')) return raw
  // To its end, which others wait for.
  raw.resume()
  return undefined
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
  const { status, headers, body } = answer
  // Its memory ended too early: announced and never sent, its client would wait.
  if (body?.bytes !== undefined && body.bytes.length !== body.size)
    throw new Fault('internal_error', { what: 'the memory of an answer ended before it was sent' })
  reply.hijack()
  const { raw } = reply
  raw.sendDate = !headers.some(([name]) => name.toLowerCase() === 'date')
  const bodiless = reply.request.method === 'HEAD' || status === 204 || status === 304
  const length = bodiless ? [] : ['content-length', String(body?.size ?? 0)]
  raw.writeHead(status, printable(answer.reason), [...flatHeaders(headers), ...length])
  if (bodiless || body === undefined) raw.end()
  else if (body.bytes !== undefined) endInPieces(raw, body.bytes)
  // A body that cannot be read to its end closes the connection: the client sees that it is short.
  else pipeline(body.open(), raw, () => undefined)
  return reply
}

/** Node refuses other characters in a status line, and they mean nothing there. */
function printable(reason: string): string {
  return /^[\x20-\x7e]*$/.test(reason) ? reason : ''
}

/**
 * Refuses what is no exchange: a fault like any other, and a line in the log under the id that it carries.
 */
export function refuseRequest(
  request: FastifyRequest,
  reply: FastifyReply,
  cause: unknown,
  log: Log,
): FastifyReply {
  const fault = toFault(cause)
  log.info({ half: 'consumer', from: request.ip, method: request.method, ...factsOf(fault) }, 'refused')
  return sendFault(request, reply, fault)
}

/**
 * X-Road's error form: a SOAP fault, or for REST (pr-rest) X-Road-Error, JSON, or XML for clients that ask
 * for it.
 */
export function sendFault(request: FastifyRequest, reply: FastifyReply, fault: Fault): FastifyReply {
  const { method, headers, originalUrl: url } = request
  if (routeOf({ method, headers, url }) === SOAP_ROUTE) return sendSoapFault(reply, fault)
  const { type, message, detail } = wireFault(fault, 'server.clientproxy')
  // X-Road answers 500 for all that is not the client's own error; ours of the 5xx class say more.
  const status = type.startsWith('client.') ? fault.status : Math.max(500, fault.status)
  const toWaitFor = waitFor(type)
  reply.code(toWaitFor === undefined ? status : catalogue[toWaitFor].status)
  reply.header(HEADER.error, type.replace(/[^\x20-\x7e]/g, '?'))
  // Also a provider's, whose status is 500 (RFC 9110 section 10.2.3).
  if (fault.retryAfter !== undefined) reply.header('retry-after', fault.retryAfter)
  else if (type.endsWith('.too_many_requests')) reply.header('retry-after', '1')
  const xml = xmlTypeOf(request.headers.accept ?? '')
  if (xml !== undefined) {
    const parts = Object.entries({ type, message, detail }).map(
      ([name, text]) => `<${name}>${escapeXml(text)}</${name}>`,
    )
    reply.type(`${xml};charset=utf-8`)
    return sendWhole(reply, Buffer.from(`<error>${parts.join('')}</error>`))
  }
  reply.type('application/json;charset=utf-8')
  return sendWhole(reply, Buffer.from(JSON.stringify({ type, message, detail })))
}

/**
 * The first of X-Road's XML types that a client accepts, whatever weights and other types it names (pr-rest).
 */
function xmlTypeOf(accept: string): string | undefined {
  const types = accept.split(',').map((one) => one.replace(/;.*/s, '').trim().toLowerCase())
  const found = types.find((one) => ['text/xml', 'application/xml', 'text/*'].includes(one))
  return found === 'text/*' ? 'text/xml' : found
}

/** X-Road answers SOAP faults with HTTP 200 (pr-mess). */
function sendSoapFault(reply: FastifyReply, fault: Fault): FastifyReply {
  reply.code(200).header('content-type', FAULT_CONTENT_TYPE).header('soapaction', '""')
  return sendWhole(reply, writeSoapFault(wireFault(fault, 'server.clientproxy')))
}
