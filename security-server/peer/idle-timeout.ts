/**
 * While an answer is being made its socket is silent, and that is right: the idle time-out counts only while bytes of a
 * request or an answer should flow. How long the making may take is bounded by who makes it.
 */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'

/** As it was before the first request: one that comes while another's answer is being made finds it stopped. */
const idle = new WeakMap<Socket, number>()

/** Stops the idle time-out once the request is read; the function given back starts it again, before the answer. */
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
