/** Faults in the form of X-Road's management API. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { retryAfterSeconds, toFault } from '#platform/http-service/fault-answer.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** X-Road's codes for faults of ours at this address. */
    codes?: Readonly<Record<string, string>>
  }
}

/** X-Road's status where ours is another. */
const STATUS: Record<string, number> = { warnings_not_ignored: 400 }

/** Answers anything thrown; the id in `metadata` is found in the log line. */
export function answerInXRoadsForm(
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const fault = toFault(thrown)
  // An unreadable address reaches no route, so no other line would record it.
  const level = fault.status >= 500 ? 'error' : fault.code === 'invalid_path' ? 'info' : 'debug'
  request.log[level]({ err: thrown, detail: fault.detail }, 'request failed')
  reply.faultType = fault.code
  reply.faultDetail = fault.detail
  const status = STATUS[fault.code] ?? fault.status
  const code = request.routeOptions?.config?.codes?.[fault.code] ?? fault.code
  if (fault.code === 'unauthorized') reply.header('www-authenticate', 'X-Road-ApiKey')
  if (status === 429 && !reply.hasHeader('retry-after'))
    reply.header('retry-after', retryAfterSeconds(fault, Date.now()))
  const body = { status, error: { code, metadata: [fault.message, fault.detail] } }
  return reply.code(status).type('application/json; charset=utf-8').send(JSON.stringify(body))
}
