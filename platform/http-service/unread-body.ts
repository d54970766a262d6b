/**
 * Guarantees that an answer sent before the request was read completely reaches the client. Closing a socket with unread bytes
 * makes TCP discard the answer. So the remaining bytes are read and dropped, up to a size and a time, before the connection ends.
 */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** How much of a request is read and dropped after its answer, and for how long, at most. */
type DropBounds = { bytes: number; ms: number }

const OF_ANYBODY: DropBounds = { bytes: 16 * 1024 * 1024, ms: 5_000 }

const closing = new WeakSet<Socket>()

/** Whether an answer has announced that this connection ends: later requests on it are not processed (RFC 9112 9.6). */
export function isClosing({ socket }: IncomingMessage): boolean {
  return closing.has(socket)
}

/** Leaves such requests unprocessed. */
export function refuseAfterEnd(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    if (isClosing(request.raw)) reply.hijack()
    else done()
  })
}

/** Whether bytes of this request's body may still arrive. */
function hasUnreadBody({ complete, readableEnded, headers }: IncomingMessage): boolean {
  if (complete || readableEnded) return false
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > 0
}

/**
 * Whether the connection ends after this answer although its request was not read completely. Then the connection takes no more requests. Node
 * itself reads the rest where the connection goes on.
 */
export function endsUnread({ raw }: FastifyRequest, reply: FastifyReply): boolean {
  const isLast = reply.getHeader('connection') === 'close' || !reply.raw.shouldKeepAlive
  if (!isLast) return false
  closing.add(raw.socket)
  return hasUnreadBody(raw)
}

/**
 * Sends `body` with the status and headers set on `reply`. When the request was not read completely, drops the rest and closes
 * the connection. `bounds` are wider for who is known, and sends all before it reads.
 */
export function sendWhole(reply: FastifyReply, body: Buffer, bounds: DropBounds = OF_ANYBODY): FastifyReply {
  const request = reply.request.raw
  if (!hasUnreadBody(request)) return reply.send(body)
  const { raw: response } = reply.hijack()
  closing.add(request.socket)
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) response.setHeader(name, value)
  }
  response.writeHead(reply.statusCode, { 'content-length': body.length, connection: 'close' })
  if (request.method !== 'HEAD') response.write(body)
  void dropRest(request, bounds).then(() => response.end())
  return reply
}

/** Resolves once the rest of the request has come, or is more than `bounds` wait for. */
export function dropRest(request: IncomingMessage, bounds: DropBounds = OF_ANYBODY): Promise<void> {
  // Nothing more tells of a request that has ended since.
  if (request.complete || request.readableEnded || request.destroyed) return Promise.resolve()
  return new Promise((resolve) => {
    let dropped = 0
    const end = (): void => {
      clearTimeout(timer)
      request.off('data', count)
      resolve()
    }
    const count = (chunk: Buffer): void => {
      dropped += chunk.length
      if (dropped > bounds.bytes) end()
    }
    const timer = setTimeout(end, bounds.ms)
    request.on('data', count).once('end', end).once('close', end).on('error', end)
    request.resume()
  })
}
