/**
 * Fetches configuration documents over HTTP: bounded in size and time, no redirects. It does not trust the
 * answer.
 */
import { Agent, request } from 'undici'
import { Fault } from '#schemas/fault.ts'

export type ConfigurationClient = {
  /**
   * Resolves with any answer, whatever its status. Throws `network_error` when none arrives within the
   * limits, or when `signal` aborts.
   */
  get(
    url: string,
    maxBytes: number,
    signal?: AbortSignal | undefined,
  ): Promise<{ status: number; body: Buffer }>
  /**
   * From now on nothing is used that was fetched before this call: for a client that keeps what others
   * fetched.
   */
  afresh?(): void
  close(): Promise<void>
}

type Settings = {
  /** For connecting, for the head of the answer, and for each pause in its body. */
  timeoutMs?: number | undefined
  /** The time limit for one whole answer. */
  totalTimeoutMs?: number | undefined
  /** PEM of the CA certificates for https sources; by default those of the system. */
  ca?: string | undefined
  /** False accepts any TLS certificate: the documents are signed anyway. */
  verifyTls?: boolean | undefined
}

const TIMEOUT_MS = 10_000
const TOTAL_TIMEOUT_MS = 120_000
const MAX_HEADER_BYTES = 16 * 1024

/** A client with its own connections; `close` closes them. */
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
  // The answer is written into one buffer as it arrives, so that the chunks of a large document do not stay
  // in memory.
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
    // A chunk that fills its whole ArrayBuffer belongs to nobody else: its memory is freed now, not by a
    // later garbage collection.
    if (chunk.buffer instanceof ArrayBuffer && chunk.length === chunk.buffer.byteLength)
      chunk.buffer.transfer(0)
  }
  return { status: response.statusCode, body: body.subarray(0, size) }
}

/**
 * The announced size only sets the size of the first buffer; the limit is checked on the bytes that arrive.
 */
function announced(length: string | string[] | undefined, maxBytes: number): number {
  const size = Number(length)
  return Number.isSafeInteger(size) && size >= 0 ? Math.min(size, maxBytes) : 0
}
