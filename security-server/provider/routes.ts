/**
 * The edge towards peer servers: one POST to arrival, reply or SOAP fault to HTTP response, one log line an
 * exchange. Nothing else here knows HTTP, nothing else turns a Fault into an answer.
 */
import { pipeline } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { FAULT_CONTENT_TYPE, writeSoapFault } from '#core/transport/fault-xml.ts'
import { toFault } from '#platform/http-service/fault-answer.ts'
import { endInPieces } from '#platform/http-service/send-pieces.ts'
import { sendWhole } from '#platform/http-service/unread-body.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { asFault, Fault, wireFault } from '#schemas/fault.ts'
import { HEADER } from '#schemas/wire.ts'
import { watched } from '../peer/course.ts'
import { pauseIdleTimeout } from '../peer/idle-timeout.ts'
import { factsOf } from '../peer/log-facts.ts'
import { chainOf } from '../peer/mutual-tls.ts'
import { sayProcessing } from '../peer/say-processing.ts'
import { exchange } from './exchange.ts'
import type { Refusal } from './refuse.ts'
import { RefusedExchange } from './refuse.ts'
import type { OutgoingReply } from './reply.ts'
import type { ProviderRooms } from './rooms.ts'

type ExchangeObserver = (outcome: string, seconds: number) => void

/** Adds the exchange to the mutual TLS listener; strangers show in `observe` and in a line, not on record. */
export function providerRoutes(
  app: FastifyInstance,
  rooms: ProviderRooms,
  log: Log,
  observe: ExchangeObserver,
): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  const refuseStranger = (reply: FastifyReply, fault: Fault): FastifyReply => {
    observe('stranger', 0)
    return sendFault(reply, { fault, signatures: undefined, peerKnown: false })
  }
  app.setNotFoundHandler((_request, reply) => refuseStranger(reply, new Fault('invalid_http_method')))
  app.setErrorHandler((cause, _request, reply) => refuseStranger(reply, toFault(cause)))
  const answer = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const began = rooms.clock()
    const line = { half: 'provider', from: request.ip, requestId: text(request.headers[HEADER.requestId]) }
    const hurryAgain = pauseIdleTimeout(request.raw)
    const sayNoMore = sayProcessing(request.raw, reply.raw)
    const done = await carry(request, rooms)
    const ms = rooms.clock() - began
    hurryAgain()
    sayNoMore()
    if ('fault' in done) {
      log[done.peerKnown ? 'warn' : 'info']({ ...line, ...factsOf(done.fault), ms }, 'exchange')
      observe(done.peerKnown ? done.fault.code : 'stranger', ms / 1000)
      return sendFault(reply, done)
    }
    log.info({ ...line, ...done.facts, ms }, 'exchange')
    observe('ok', ms / 1000)
    return sendReply(reply, done)
  }
  // In the hook, before fastify looks at the content type: with its boundary it is another one for each
  // message.
  app.post('/', { onRequest: answer }, (_request, reply) => reply)
}

function sendReply(reply: FastifyReply, { headers, content }: OutgoingReply): FastifyReply {
  const { raw } = reply.hijack()
  if (Buffer.isBuffer(content)) {
    endInPieces(raw.writeHead(200, { ...headers, 'content-length': content.length }), content)
    return reply
  }
  raw.writeHead(200, headers)
  // A body that cannot be read to its end closes the connection: the peer sees that it is short.
  pipeline(content, raw, () => undefined)
  return reply
}

async function carry(request: FastifyRequest, rooms: ProviderRooms): Promise<OutgoingReply | Refusal> {
  try {
    const { headers, raw } = request
    const protocol = (raw.socket as TLSSocket).getProtocol()
    const arrival = { headers, content: raw, presented: chainOf(request), protocol }
    return await watched(
      { half: 'provider', origin: 'server.serverproxy' },
      rooms,
      (course) => exchange({ ...arrival, course }, rooms),
      (thrown) => refusalOf(thrown).fault,
    )
  } catch (cause) {
    return refusalOf(cause)
  }
}

function refusalOf(cause: unknown): Refusal {
  if (cause instanceof RefusedExchange) return cause.refusal
  return { fault: asFault(cause), signatures: undefined, peerKnown: false }
}

/**
 * X-Road's servers send a whole message before they read an answer, and learn nothing of one that came
 * earlier if they cannot.
 */
const REST_OF_A_PEER = { bytes: 1024 ** 3, ms: 120_000, atOnce: 8 }

/** A peer of ours takes that much in one header; a larger proof stays in our log alone. */
const MAX_REFUSAL_LENGTH = 64 * 1024

/** X-Road sends faults as HTTP 200, text/xml (pr-mess); ours adds the signature of the refusal. */
function sendFault(reply: FastifyReply, { fault, signatures, peerKnown }: Refusal): FastifyReply {
  const proof = signatures?.toString('base64') ?? ''
  if (proof !== '' && proof.length <= MAX_REFUSAL_LENGTH) reply.header(HEADER.refusal, proof)
  // For the status that the other server gives to its system; X-Road's does not look at it.
  if (fault.retryAfter !== undefined) reply.header('retry-after', fault.retryAfter)
  reply.code(200).header('content-type', FAULT_CONTENT_TYPE).header('soapaction', '""')
  const said = writeSoapFault(wireFault(fault, 'server.serverproxy'))
  const of = chainOf(reply.request)[0]?.sha256
  return sendWhole(reply, said, peerKnown && of !== undefined ? { ...REST_OF_A_PEER, of } : undefined)
}

function text(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value.slice(0, 64).replace(/[^\x21-\x7e]/g, '?') : undefined
}
