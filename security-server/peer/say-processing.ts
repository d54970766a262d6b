/**
 * Guarantees that a peer which has sent its whole request hears every half minute that the answer is still
 * being made (102, RFC 2518 section 10.1): a body of 10 GB takes the provider's system longer than a peer may
 * be silent. No notice stands anywhere but before the head of its own answer.
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
  // X-Road's proxy speaks TLS 1.2 to us, and waits without an end. HTTP 1.0 has no such notices (RFC 9110
  // section 15.2).
  if ((request.socket as TLSSocket).getProtocol() !== 'TLSv1.3' || request.httpVersion === '1.0')
    return () => undefined
  let timer: NodeJS.Timeout | undefined
  const begin = (): void => {
    timer = setInterval(() => {
      // An answer behind another one has no socket yet: Node would keep the notice, and write it between the
      // head and the body.
      if (answer.socket?.writable === true) answer.writeProcessing()
    }, periodMs)
    timer.unref()
  }
  request.once('end', begin)
  return () => {
    request.off('end', begin)
    clearInterval(timer)
  }
}
