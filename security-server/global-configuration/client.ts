/** Fetches configuration documents over HTTP: bounded in size and time, no redirects, nothing trusted about the answer. */
import { Agent, request } from 'undici'
import { Fault } from '#schemas/fault.ts'

export type ConfigurationClient = {
  /** The answer whatever its status; throws `network_error` when there is none within the limits, or before the signal. */
  get(
    url: string,
    maxBytes: number,
    signal?: AbortSignal | undefined,
  ): Promise<{ status: number; body: Buffer }>
  close(): Promise<void>
}

type Settings = {
  /** For connecting, for the answer's head, and for each pause in its body. */
  timeoutMs?: number | undefined
  /** For one whole answer. */
  totalTimeoutMs?: number | undefined
  /** PEM of the authorities for https sources; the system's where absent. */
  ca?: string | undefined
  /** False takes any TLS certificate: what is fetched is signed anyway. */
  verifyTls?: boolean | undefined
}

const TIMEOUT_MS = 10_000
const TOTAL_TIMEOUT_MS = 120_000
const MAX_HEADER_BYTES = 16 * 1024

/** A client with its own connections; `close` drops them. */
export function createConfigurationClient(q: Settings = {}): ConfigurationClient {
  const timeout = q.timeoutMs ?? TIMEOUT_MS
  const agent = new Agent({
    connect: { timeout, ca: q.ca, rejectUnauthorized: q.verifyTls ?? true },
    headersTimeout: timeout,
    bodyTimeout: timeout,
    keepAliveTimeout: 1000,
    maxHeaderSize: MAX_HEADER_BYTES,
  })
  return {
    get: async (url, maxBytes, signal) => {
      const end = AbortSignal.timeout(q.totalTimeoutMs ?? TOTAL_TIMEOUT_MS)
      try {
        return await get(agent, url, maxBytes, signal === undefined ? end : AbortSignal.any([end, signal]))
      } catch (cause) {
        if (cause instanceof Fault) throw cause
        throw new Fault('network_error', { what: `${new URL(url).host} did not answer`, cause })
      }
    },
    close: () => agent.destroy(),
  }
}

async function get(
  dispatcher: Agent,
  url: string,
  maxBytes: number,
  signal: AbortSignal,
): Promise<{ status: number; body: Buffer }> {
  const response = await request(url, { dispatcher, method: 'GET', signal })
  // Put together where it will lie: the pieces of a large document need not wait for one another.
  let body: Buffer = Buffer.allocUnsafeSlow(announced(response.headers['content-length'], maxBytes))
  let size = 0
  for await (const chunk of response.body as AsyncIterable<Buffer>) {
    const end = size + chunk.length
    if (end > maxBytes) {
      // Leaving the loop destroys the body, and with it the connection.
      throw new Fault('network_error', { what: `${new URL(url).host} sent more than ${maxBytes} bytes` })
    }
    if (end > body.length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(maxBytes, 2 * end))
      body.copy(larger, 0, 0, size)
      body = larger
    }
    chunk.copy(body, size)
    size = end
    // A piece that is the whole of what a socket read into is nobody else's: its memory need not wait for a collection.
    if (chunk.buffer instanceof ArrayBuffer && chunk.length === chunk.buffer.byteLength)
      chunk.buffer.transfer(0)
  }
  return { status: response.statusCode, body: body.subarray(0, size) }
}

/** How large the answer says to be; nothing of it is believed but what comes. */
function announced(length: string | string[] | undefined, maxBytes: number): number {
  const size = Number(length)
  return Number.isSafeInteger(size) && size >= 0 ? Math.min(size, maxBytes) : 0
}
