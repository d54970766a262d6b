/** Turns anything that a route throws into the public form of a fault, without internal details. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FaultCode, FaultOrigin, WireFault } from '#schemas/fault.ts'
import { asFault, Fault, wireFault } from '#schemas/fault.ts'
import { explainFault, languageOf } from '#schemas/fault-languages.ts'
import { HEADER } from '#schemas/wire.ts'

declare module 'fastify' {
  interface FastifyReply {
    /** Set when the answer is a fault, for the log line. */
    faultType?: string
    faultDetail?: string
  }
}

const FASTIFY_CODES: Record<string, FaultCode> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'invalid_content_type',
  FST_ERR_CTP_EMPTY_TYPE: 'invalid_content_type',
  FST_ERR_CTP_INVALID_JSON_BODY: 'malformed_json',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'malformed_json',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'invalid_request',
  FST_ERR_BAD_URL: 'invalid_path',
}

const DAY_MS = 86_400_000

/**
 * A Fault for anything thrown in a request: our faults unchanged, the framework's errors by code, anything
 * else as `internal_error`.
 */
export function toFault(thrown: unknown): Fault {
  if (thrown instanceof Fault) return thrown
  const { code, statusCode } = thrown as { code?: unknown; statusCode?: unknown }
  const known = typeof code === 'string' ? FASTIFY_CODES[code] : undefined
  if (known !== undefined) return new Fault(known, { cause: thrown })
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
    return new Fault('invalid_request', { cause: thrown })
  }
  return asFault(thrown)
}

/**
 * The public form: X-Road's dotted code with the reporting half of the server, or the bare code in admin
 * APIs, whose callers may name their languages (Accept-Language). Between systems and servers the text is
 * English.
 */
export function publicFault(
  fault: Fault,
  origin: FaultOrigin | undefined,
  languages?: string | undefined,
): WireFault {
  if (origin !== undefined) return wireFault(fault, origin)
  return { type: fault.code, message: explainFault(fault, languageOf(languages)), detail: fault.detail }
}

/** Sends the fault with its status, X-Road-Error, and the headers that HTTP requires for it. */
export function answerFault(
  reply: FastifyReply,
  fault: Fault,
  origin: FaultOrigin | undefined,
): FastifyReply {
  const body = publicFault(fault, origin, reply.request.headers['accept-language'])
  reply.faultType = body.type
  reply.faultDetail = body.detail
  if (fault.code === 'unauthorized') reply.header('www-authenticate', 'X-Road-ApiKey')
  // RFC 6585 section 4. A hook that knows the exact time has already set the header.
  if (fault.status === 429 && !reply.hasHeader('retry-after'))
    reply.header('retry-after', retryAfterSeconds(fault, Date.now()))
  return reply
    .code(fault.status)
    .header(HEADER.error, body.type)
    .type('application/json; charset=utf-8')
    .send(JSON.stringify(body))
}

/** Seconds until a new try is useful: as the fault says; a daily limit is reset at midnight UTC. */
export function retryAfterSeconds(
  { code, retryAfter }: Pick<Fault, 'code'> & Partial<Pick<Fault, 'retryAfter'>>,
  now: number,
): number {
  if (retryAfter !== undefined) return retryAfter
  return code.endsWith('_used_up') ? Math.ceil((DAY_MS - (now % DAY_MS)) / 1000) : 1
}

/** Answers anything thrown in a request, and logs it with the id in the answer. */
export function answerThrown(
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  origin: FaultOrigin | undefined,
): FastifyReply {
  const fault = toFault(thrown)
  // An unreadable address reaches no route, so no other line would record it.
  const level = fault.status >= 500 ? 'error' : fault.code === 'invalid_path' ? 'info' : 'debug'
  request.log[level]({ err: thrown, detail: fault.detail }, 'request failed')
  return answerFault(reply, fault, origin)
}
