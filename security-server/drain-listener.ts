/**
 * Guarantees that closing a listener loses no request. A socket is closed with the answer to its last
 * request, or after it was idle for longer than our own clients keep idle sockets. Closing an idle socket at
 * once could race with a request that the peer is just writing: nobody could say whether that request was
 * carried out.
 */
import { Server } from 'node:net'
import type { FastifyInstance } from 'fastify'

/** How long our client keeps an idle connection to another security server. */
export const CLIENT_IDLE_MS = 4_000
/** Longer than `CLIENT_IDLE_MS` by the time that a request may be in transit. */
const GRACE_MS = CLIENT_IDLE_MS + 1_000

/**
 * Makes `app.close()` drain: it accepts no new connection, each answer closes its socket, and idle sockets
 * close after the grace period.
 */
export function drainOnClose(app: FastifyInstance): void {
  app.addHook('preClose', () => drain(app.server))
}

function drain(server: FastifyInstance['server']): Promise<void> {
  return new Promise((resolve) => {
    const grace = setTimeout(() => server.closeIdleConnections(), GRACE_MS)
    // The close() of http would end idle sockets at once. The close() of net only stops accepting, and calls
    // back when all sockets have ended.
    Server.prototype.close.call(server, () => {
      clearTimeout(grace)
      resolve()
    })
  })
}
