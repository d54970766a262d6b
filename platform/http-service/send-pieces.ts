/**
 * Sends a large answer in pieces, each when the client has taken the one before. From one large write it
 * could not be seen that the client takes it steadily, and `watchTaking` would end it.
 */
import type { ServerResponse } from 'node:http'
import { pipeline, Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { heldMemory } from '../held-memory.ts'
import { dropRest, endsUnread } from './unread-body.ts'
import { PIECE_BYTES } from './watch-taking.ts'

/**
 * Sends what the routes of `app` answer in pieces, and an answer after which the connection ends so that it
 * reaches a client that is still sending. Streams stay as they are.
 */
export function sendInPieces(app: FastifyInstance): void {
  app.addHook('onSend', (request, reply, payload, done) => {
    const isWhole = typeof payload === 'string' || Buffer.isBuffer(payload)
    if (!isWhole || request.method === 'HEAD') return done(null, payload)
    const isUnread = endsUnread(request, reply)
    if (!isUnread && Buffer.byteLength(payload) <= PIECE_BYTES) return done(null, payload)
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload
    reply.header('content-length', bytes.length)
    done(null, piecesOf(bytes, isUnread ? () => dropRest(request.raw) : undefined))
  })
}

/** Ends an answer that was begun without Fastify with these bytes, which nobody reads afterwards. */
export function endInPieces(response: ServerResponse, bytes: Buffer): void {
  if (bytes.length <= PIECE_BYTES) response.end(bytes)
  // Of an answer that broke off a write may still be under way.
  else pipeline(piecesOf(bytes), response, (failure) => failure ?? heldMemory.free(bytes))
}

/** Ends once `last` has. */
function piecesOf(bytes: Buffer, last?: () => Promise<void>): Readable {
  const pieces = async function* (): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES)
    await last?.()
  }
  return Readable.from(pieces(), { objectMode: false, highWaterMark: PIECE_BYTES })
}
