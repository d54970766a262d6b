/**
 * While an answer is being made its socket is silent, and that is right: the idle time-out counts only while bytes of a
 * request or an answer should flow. How long the making may take is bounded by who makes it.
 */
import type { IncomingMessage } from 'node:http'

/** Stops the idle time-out once the request is read; the function given back starts it again, before the answer. */
export function waitPatiently(request: IncomingMessage): () => void {
  const { socket } = request
  const idleMs = socket.timeout ?? 0
  const stop = (): unknown => socket.setTimeout(0)
  request.once('end', stop)
  return () => {
    request.off('end', stop)
    socket.setTimeout(idleMs)
  }
}
