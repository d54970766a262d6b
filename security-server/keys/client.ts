/**
 * Asks OCSP responders over HTTP (RFC 6960 appendix A): one POST with bounds on time and size, no redirects.
 * It does not trust the response.
 */
import { Agent, request } from 'undici'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'

const MAX_BYTES = 64 * 1024
const TIMEOUT_MS = 5000

/**
 * Sends a DER request to a responder and returns the DER response. Throws `network_error` with the reason.
 */
export type FetchOcsp = (url: string, request: Buffer) => Promise<Buffer>

/** A client with its own connections; `close` closes them. */
export function createOcspClient(): { fetch: FetchOcsp; close(): Promise<void> } {
  const agent = new Agent({
    connect: { timeout: TIMEOUT_MS },
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
    keepAliveTimeout: 1000,
    maxResponseSize: MAX_BYTES,
  })
  return { fetch: (url, body) => post(agent, url, body), close: () => agent.close() }
}

async function post(dispatcher: Agent, url: string, body: Buffer): Promise<Buffer> {
  if (!/^https?:\/\//.test(url)) throw new Fault('network_error', { what: say`an OCSP address is not http` })
  try {
    const response = await request(url, {
      dispatcher,
      method: 'POST',
      headers: { 'content-type': 'application/ocsp-request', accept: 'application/ocsp-response' },
      body,
      signal: AbortSignal.timeout(2 * TIMEOUT_MS),
    })
    const answer = Buffer.from(await response.body.arrayBuffer())
    if (response.statusCode !== 200) {
      throw new Fault('network_error', { what: say`the OCSP responder answered HTTP ${response.statusCode}` })
    }
    return answer
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw new Fault('network_error', {
      what: say`the OCSP responder at ${hostOf(url)} did not answer`,
      cause,
    })
  }
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'a malformed address'
}
