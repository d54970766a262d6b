/**
 * Guarantees that an answer given before the request was read gets through: closing a socket with unread bytes makes TCP
 * throw the answer away, so what still comes is read and dropped, for a bounded time and size, before the connection ends.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyReply } from 'fastify'

const MAX_DROPPED_BYTES = 16 * 1024 * 1024
const MAX_DROP_MS = 5_000

const closing = new WeakSet<Socket>()

/** Whether an answer has said that this connection ends: what comes behind is not processed any more (RFC 9112 9.6). */
export function isClosing({ socket }: IncomingMessage): boolean {
  return closing.has(socket)
}

/** Whether bytes of this request's body may still come. */
function hasUnreadBody({ complete, headers }: IncomingMessage): boolean {
  return !complete && (headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > 0)
}

/** Sends `body` with the status and headers set on `reply`; when the request was not read whole, drops the rest and closes. */
export function sendWhole(reply: FastifyReply, body: Buffer): FastifyReply {
  const request = reply.request.raw
  if (!hasUnreadBody(request)) return reply.send(body)
  const { raw: response } = reply.hijack()
  closing.add(request.socket)
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) response.setHeader(name, value)
  }
  response.writeHead(reply.statusCode, { 'content-length': body.length, connection: 'close' })
  if (request.method !== 'HEAD') response.write(body)
  dropRest(request, response)
  return reply
}

function dropRest(request: IncomingMessage, response: ServerResponse): void {
  let dropped = 0
  const end = (): void => {
    clearTimeout(timer)
    request.off('data', count)
    response.end()
  }
  const count = (chunk: Buffer): void => {
    dropped += chunk.length
    if (dropped > MAX_DROPPED_BYTES) end()
  }
  const timer = setTimeout(end, MAX_DROP_MS)
  request.on('data', count).once('end', end).once('close', end).on('error', end)
  request.resume()
}
