/**
 * Guarantees that an answer sent before the request was read completely reaches the client. Closing a socket with unread bytes
 * makes TCP discard the answer. So the remaining bytes are read and dropped, up to a size and a time, before the connection ends.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyReply } from 'fastify'

const MAX_DROPPED_BYTES = 16 * 1024 * 1024
const MAX_DROP_MS = 5_000

const closing = new WeakSet<Socket>()

/** Whether an answer has announced that this connection ends: later requests on it are not processed (RFC 9112 9.6). */
export function isClosing({ socket }: IncomingMessage): boolean {
  return closing.has(socket)
}

/** Whether bytes of this request's body may still arrive. */
function hasUnreadBody({ complete, headers }: IncomingMessage): boolean {
  return !complete && (headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > 0)
}

/**
 * Sends `body` with the status and headers set on `reply`. When the request was not read completely, drops the rest and closes
 * the connection.
 */
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
