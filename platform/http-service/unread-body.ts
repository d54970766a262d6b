/**
 * Guarantees that an answer sent before the request was read completely reaches the client. Closing a socket
 * with unread bytes makes TCP discard the answer. So the remaining bytes are read and dropped, up to a size
 * and a time, before the connection ends.
 */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** How much of a request is read and dropped after its answer, and for how long, at most. */
type DropBounds = { bytes: number; ms: number }

/** A sender that is known, with wider bounds, for so many of its requests at once. */
type KnownSender = DropBounds & { of: string; atOnce: number }

const LOOK_MS = 5_000
const OF_ANYBODY: DropBounds = { bytes: 16 * 1024 * 1024, ms: LOOK_MS }
/** Who sends less between two looks holds a connection, and no more. */
const LEAST_BETWEEN_LOOKS = 256 * 1024

/** How many requests of each known sender are dropped by its own bounds just now. */
const dropping = new Map<string, number>()

const closing = new WeakSet<Socket>()

/**
 * Whether an answer has announced that this connection ends: later requests on it are not processed (RFC 9112
 * 9.6).
 */
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
 * Whether the connection ends after this answer although its request was not read completely. Then the
 * connection takes no more requests. Node itself reads the rest where the connection goes on.
 */
export function endsUnread({ raw }: FastifyRequest, reply: FastifyReply): boolean {
  const isLast = reply.getHeader('connection') === 'close' || !reply.raw.shouldKeepAlive
  if (!isLast) return false
  closing.add(raw.socket)
  return hasUnreadBody(raw)
}

/**
 * Sends `body` with the status and headers set on `reply`. When the request was not read completely, drops
 * the rest and closes the connection: by the bounds of a `known` sender, that sends all before it reads,
 * while not too many of its requests are dropped already.
 */
export function sendWhole(reply: FastifyReply, body: Buffer, known?: KnownSender): FastifyReply {
  const request = reply.request.raw
  if (!hasUnreadBody(request)) return reply.send(body)
  const { raw: response } = reply.hijack()
  closing.add(request.socket)
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) response.setHeader(name, value)
  }
  response.writeHead(reply.statusCode, { 'content-length': body.length, connection: 'close' })
  if (request.method !== 'HEAD') response.write(body)
  const { bounds, leave } = boundsOf(known)
  // A listener that is closing waits for no large rest.
  const isWanted = () => reply.server.server.listening
  void dropRest(request, bounds, isWanted).then(() => {
    leave()
    response.end()
  })
  return reply
}

function boundsOf(known: KnownSender | undefined): { bounds: DropBounds; leave(): void } {
  const now = known === undefined ? 0 : (dropping.get(known.of) ?? 0)
  if (known === undefined || now >= known.atOnce) return { bounds: OF_ANYBODY, leave: () => undefined }
  dropping.set(known.of, now + 1)
  const leave = (): void => {
    const left = dropping.get(known.of)! - 1
    if (left === 0) dropping.delete(known.of)
    else dropping.set(known.of, left)
  }
  return { bounds: known, leave }
}

/**
 * Resolves once the rest of the request has come, is more than `bounds` wait for, comes too slowly, or is no
 * longer `isWanted`.
 */
export function dropRest(
  request: IncomingMessage,
  bounds: DropBounds = OF_ANYBODY,
  isWanted: () => boolean = () => true,
): Promise<void> {
  // Nothing more tells of a request that has ended since.
  if (request.complete || request.readableEnded || request.destroyed) return Promise.resolve()
  return new Promise((resolve) => {
    let [dropped, seen, looks] = [0, 0, 0]
    const end = (): void => {
      clearInterval(timer)
      request.off('data', count)
      resolve()
    }
    const count = (chunk: Buffer): void => {
      dropped += chunk.length
      if (dropped > bounds.bytes) end()
    }
    const look = (): void => {
      looks++
      if (looks * LOOK_MS >= bounds.ms || dropped - seen < LEAST_BETWEEN_LOOKS || !isWanted()) end()
      seen = dropped
    }
    const timer = setInterval(look, LOOK_MS)
    request.on('data', count).once('end', end).once('close', end).on('error', end)
    request.resume()
  })
}
