/**
 * Turns a handler's result into an HTTP answer, with the operation's declared status and type unless the
 * handler sets others.
 */
import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { jsonIn, languageOf } from '#schemas/fault-languages.ts'
import type { Operation } from './openapi-operations.ts'

const ANSWER = Symbol('answer')

/** A result with its own status or headers (Content-Disposition, Location). */
export type Answer<Body = unknown> = {
  [ANSWER]: true
  body: Body
  status?: number
  headers?: Record<string, string>
  /** The body is a text that goes out as it is. */
  isText?: boolean
  /** Nothing was done: the body is a proposal, in JSON whatever the operation's type is. */
  isProposal?: boolean
}

/**
 * The body of an answer that refuses: a fault, with more. The document of an API describes it with the
 * faults.
 */
export type RefusalBody = { type: string; [more: string]: unknown }

/** For handlers: a body with another status or more headers than the operation's default. */
export function answer<Body>(body: Body, more: Omit<Answer, typeof ANSWER | 'body'> = {}): Answer<Body> {
  return { [ANSWER]: true, body, ...more }
}

/** Sends a handler's result; for `undefined` the operation must declare 204 or an empty answer. */
export function sendAnswer(
  reply: FastifyReply,
  result: Answer | unknown,
  operation: Operation,
): FastifyReply {
  const full = asAnswer(result)
  reply.code(full.status ?? operation.successStatus)
  if (full.headers !== undefined) reply.headers(full.headers)
  const { body } = full
  if (body === undefined) return reply.send()
  const type = (full.isProposal === true ? undefined : operation.responseType) ?? 'application/json'
  if (full.isText === true && reply.hasHeader('content-type')) return reply.send(body)
  if (Buffer.isBuffer(body) || body instanceof Readable || type !== 'application/json') {
    if (!reply.hasHeader('content-type'))
      reply.type(type === 'application/json' ? 'application/octet-stream' : type)
    return reply.send(body)
  }
  const language = languageOf(reply.request.headers['accept-language'])
  return reply.type('application/json; charset=utf-8').send(jsonIn(body, language))
}

/** A handler's result without its status and headers. */
export function bodyOf(result: unknown): unknown {
  return isAnswer(result) ? result.body : result
}

/** A handler's result with room for its status and headers. */
export function asAnswer(result: unknown): Answer {
  return isAnswer(result) ? result : answer(result)
}

function isAnswer(result: unknown): result is Answer {
  return typeof result === 'object' && result !== null && ANSWER in result
}
