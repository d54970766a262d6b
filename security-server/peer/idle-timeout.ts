/**
 * The socket is rightly silent while an answer is being made: the idle time-out counts only while bytes of a
 * request or an answer should flow. The code that makes the answer bounds its own time.
 */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

/**
 * The time-out before the first request: a pipelined request that arrives while another answer is being made
 * finds the time-out stopped.
 */
const idle = new WeakMap<Socket, number>()

/**
 * Stops the idle time-out once the request has been read. The returned function starts it again; call it
 * before answering.
 */
export function pauseIdleTimeout(request: IncomingMessage): () => void {
  const { socket } = request
  const idleMs = idle.get(socket) ?? socket.timeout ?? 0
  idle.set(socket, idleMs)
  const stop = (): unknown => socket.setTimeout(0)
  request.once('end', stop)
  return () => {
    request.off('end', stop)
    socket.setTimeout(idleMs)
  }
}
