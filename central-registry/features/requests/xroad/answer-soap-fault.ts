/**
 * Answers refused requests as X-Road's management services do: with a SOAP fault and HTTP 500, counted. Also
 * the limit above which a request is refused unread.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { FAULT_CONTENT_TYPE, writeSoapFault } from '#core/transport/fault-xml.ts'
import { publicFault, toFault } from '#platform/http-service/fault-answer.ts'
import type { IntakeRooms } from '../intake.ts'

/** X-Road's limit for the size of a management request. */
export const MAX_REQUEST_BYTES = 100_000

export function answerSoapFault(
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  { count }: Pick<IntakeRooms, 'count'>,
): void {
  const fault = toFault(thrown)
  const wire = publicFault(fault, undefined)
  count('file', fault.code)
  reply.faultType = wire.type
  reply.faultDetail = wire.detail
  request.log[fault.status >= 500 ? 'error' : 'debug']({ err: thrown, detail: wire.detail }, 'request failed')
  void reply.code(500).type(FAULT_CONTENT_TYPE).send(writeSoapFault(wire))
}
