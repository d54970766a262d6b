/**
 * One line and one measurement for each request: which operation, how it ended, and which exchange of the own
 * security server it belongs to. No address, parameter, value or user is in it.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Metrics } from '#platform/metrics/create-metrics.ts'
import { HEADER } from '#schemas/wire.ts'

declare module 'fastify' {
  interface FastifyReply {
    /** Of an exchange that its headers do not tell: of SOAP the message does. */
    exchange?: { xRoadId: string; client: string; operation?: string }
  }
}

/** An id or identifier in printable ASCII; anything else is left out of the line. */
const PLAIN = /^[\x21-\x7e]{1,255}$/

/**
 * Adds the hooks; call it before the routes are added. An adapter with several listeners names all of them.
 */
export function logRequests(app: FastifyInstance, metrics: Metrics, ...others: FastifyInstance[]): void {
  const answers = metrics.counter('concordat_adapter_requests_total', 'Answered requests', [
    'route',
    'status',
  ])
  const seconds = metrics.histogram('concordat_adapter_request_seconds', 'Time from request to answer', [
    'route',
  ])
  const log = (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    // The route's pattern, not the address, which holds what was asked for.
    const route = request.routeOptions.url ?? ''
    answers.inc({ route, status: reply.statusCode })
    seconds.observe({ route }, reply.elapsedTime / 1000)
    const line = {
      method: request.method,
      route,
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime * 10) / 10,
      ...plain('operation', reply.exchange?.operation),
      ...plain('xRoadId', reply.exchange?.xRoadId ?? request.headers[HEADER.id]),
      ...plain('client', reply.exchange?.client ?? request.headers[HEADER.client]),
      ...(reply.faultType === undefined ? {} : { fault: reply.faultType, detail: reply.faultDetail }),
    }
    request.log.info(line, 'request')
    done()
  }
  for (const one of [app, ...others]) one.addHook('onResponse', log)
}

function plain(name: string, value: string | string[] | undefined): Record<string, string> {
  return typeof value === 'string' && PLAIN.test(value) ? { [name]: value } : {}
}
