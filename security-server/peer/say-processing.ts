/**
 * Guarantees that a peer which has sent its whole request hears every half minute that the answer is still being made (102, RFC 2518
 * section 10.1): a body of 10 GB takes the provider's system longer than a peer may be silent.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TLSSocket } from 'node:tls'

const PERIOD_MS = 30_000

/** The returned function ends it; call it before the head of the answer is written. */
export function sayProcessing(
  request: IncomingMessage,
  answer: ServerResponse,
  periodMs = PERIOD_MS,
): () => void {
  // X-Road's proxy speaks TLS 1.2 to us, and waits without an end.
  if ((request.socket as TLSSocket).getProtocol() !== 'TLSv1.3') return () => undefined
  let timer: NodeJS.Timeout | undefined
  const begin = (): void => {
    timer = setInterval(() => {
      if (request.socket.writable) answer.writeProcessing()
    }, periodMs)
    timer.unref()
  }
  request.once('end', begin)
  return () => {
    request.off('end', begin)
    clearInterval(timer)
  }
}
