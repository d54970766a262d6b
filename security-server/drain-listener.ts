/**
 * Guarantees that ending a listener loses no request: a socket is closed by the answer to its last request, or when it was
 * silent for longer than our own clients keep silent sockets. To close an idle socket at once would race with a request
 * that its peer is just writing on it, and nobody could say whether that one was carried out.
 */
import { Server } from 'node:net'
import type { FastifyInstance } from 'fastify'

/** How long our client of other security servers keeps a silent connection. */
export const CLIENT_IDLE_MS = 4_000
/** Longer than that by what a request may be under way. */
const GRACE_MS = CLIENT_IDLE_MS + 1_000

/** Makes `app.close()` drain: nothing new is accepted, answers close their sockets, after the grace idle ones are closed. */
export function drainOnClose(app: FastifyInstance): void {
  app.addHook('preClose', () => drain(app.server))
}

function drain(server: FastifyInstance['server']): Promise<void> {
  return new Promise((resolve) => {
    const grace = setTimeout(() => server.closeIdleConnections(), GRACE_MS)
    // http's own close() would end idle sockets at once; this one only stops accepting, and calls back when all have ended.
    Server.prototype.close.call(server, () => {
      clearTimeout(grace)
      resolve()
    })
  })
}
