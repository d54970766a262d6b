/**
 * Answers requests that Node's HTTP parser refused (too large, too slow, not HTTP) in the form of every other
 * fault, then closes the connection, even if the client keeps sending or does not close it.
 */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FaultCode, FaultOrigin } from '#schemas/fault.ts'
import { Fault } from '#schemas/fault.ts'
import { HEADER } from '#schemas/wire.ts'
import { publicFault } from './fault-answer.ts'

const CODES: Record<string, FaultCode> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'body_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
}
/**
 * Time for the answer to be sent: if a socket is destroyed with unread bytes, TCP discards what it has sent.
 */
const LINGER_MS = 2_000
const REASONS: Record<number, string> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  413: 'Content Too Large',
  431: 'Request Header Fields Too Large',
}

/**
 * For Fastify's clientErrorHandler; returns the fault that was sent. Only closes a connection that is gone,
 * has sent half an answer already, or still owes the answer to an earlier complete request.
 */
export function answerBrokenRequest(
  error: Error & { code?: string },
  socket: Socket,
  origin: FaultOrigin | undefined,
): Fault | undefined {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable || isAnswering(socket)) {
    socket.destroy()
    return undefined
  }
  const fault = new Fault(CODES[error.code ?? ''] ?? 'invalid_request', { cause: error })
  const wire = publicFault(fault, origin)
  const body = JSON.stringify(wire)
  const answer =
    `HTTP/1.1 ${fault.status} ${REASONS[fault.status] ?? 'Bad Request'}\r\n` +
    `content-type: application/json; charset=utf-8\r\n${HEADER.error}: ${wire.type}\r\n` +
    `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`
  // After a 408 the client could still send the rest, and its request would be carried out.
  socket.end(answer, () => fault.code === 'request_timeout' && socket.destroy())
  const timer = setTimeout(() => socket.destroy(), LINGER_MS)
  socket.once('close', () => clearTimeout(timer))
  return fault
}

/**
 * Node stores the current response of a socket in this field; its own handler of broken requests reads it
 * too.
 */
function isAnswering(socket: Socket): boolean {
  const response = (socket as { _httpMessage?: ServerResponse | null })._httpMessage
  return response !== null && response !== undefined && (response.headersSent || response.req.complete)
}
