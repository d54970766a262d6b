/**
 * The edge towards peer servers: one POST to arrival, reply or SOAP fault to HTTP response, one log line an exchange.
 * Nothing else here knows HTTP, nothing else turns a Fault into an answer.
 */
import type { TLSSocket } from 'node:tls'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { writeSoapFault } from '#core/transport/fault-xml.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { asFault, wireFault } from '#schemas/fault.ts'
import { HEADER } from '#schemas/wire.ts'
import { chainOf } from '../peer/mutual-tls.ts'
import { exchange } from './exchange.ts'
import type { Refusal } from './refuse.ts'
import { RefusedExchange } from './refuse.ts'
import type { ProviderRooms } from './rooms.ts'

export type ExchangeObserver = (outcome: string, seconds: number) => void

/** Adds the exchange to the mutual TLS listener; strangers show only in `observe`. */
export function providerRoutes(
  app: FastifyInstance,
  rooms: ProviderRooms,
  log: Log,
  observe: ExchangeObserver,
): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  app.post('/', async (request, reply) => {
    const began = rooms.clock()
    const line = { half: 'provider', from: request.ip, requestId: text(request.headers[HEADER.requestId]) }
    try {
      const { headers, raw } = request
      const protocol = (raw.socket as TLSSocket).getProtocol()
      const done = await exchange({ headers, content: raw, presented: chainOf(request), protocol }, rooms)
      log.info({ ...line, ...done.facts, ms: rooms.clock() - began }, 'exchange')
      observe('ok', (rooms.clock() - began) / 1000)
      return await reply.code(200).headers(done.headers).send(done.content)
    } catch (cause) {
      const refusal = refusalOf(cause)
      const { fault } = refusal
      const ms = rooms.clock() - began
      const err =
        fault.cause instanceof Error ? { type: fault.cause.name, message: fault.cause.message } : undefined
      log.warn({ ...line, outcome: fault.code, detail: fault.detail, what: fault.what, ms, err }, 'exchange')
      observe(refusal.peerKnown ? fault.code : 'stranger', ms / 1000)
      if (!request.raw.complete) reply.header('connection', 'close')
      return sendFault(reply, refusal)
    }
  })
}

function refusalOf(cause: unknown): Refusal {
  if (cause instanceof RefusedExchange) return cause.refusal
  return { fault: asFault(cause), signatures: undefined, peerKnown: false }
}

/** X-Road sends faults as HTTP 200, text/xml (wire 1.5); ours adds the signature of the refusal. */
function sendFault(reply: FastifyReply, { fault, signatures }: Refusal): FastifyReply {
  if (signatures !== undefined) reply.header(HEADER.refusal, signatures.toString('base64'))
  const xml = writeSoapFault(wireFault(fault, 'server.serverproxy'))
  return reply
    .code(200)
    .header('content-type', 'text/xml; charset=UTF-8')
    .header('soapaction', '""')
    .send(xml)
}

function text(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value.slice(0, 64).replace(/[^\x21-\x7e]/g, '?') : undefined
}
