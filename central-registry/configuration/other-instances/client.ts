/**
 * Fetches from another instance: its configuration over HTTP, its servers' certificates over TLS. All reads
 * have limits, and the caller has to verify everything.
 */
import { connect } from 'node:tls'
import { Agent, request } from 'undici'
import { collectBytes } from '#core/transport/collect-bytes.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { PORT } from '#schemas/wire.ts'
import { passingIdentity } from '../passing-identity.ts'

export type ImportClient = {
  /**
   * The answer with any status. Throws `network_error` when there is none within the limits of time and size,
   * or when the signal aborts.
   */
  get(
    url: string,
    maxBytes: number,
    signal?: AbortSignal | undefined,
  ): Promise<{ status: number; body: Buffer }>
  /** DER of the certificate that a security server presents at this address. Throws `network_error`. */
  shownCertificate(address: string): Promise<Buffer>
}

const TIMEOUT_MS = 10_000
const TOTAL_MS = 120_000
const TLS_MS = 5_000

export function createImportClient(): ImportClient {
  return {
    async get(url, maxBytes, signal) {
      const end = AbortSignal.timeout(TOTAL_MS)
      // Any TLS certificate will do: the content is signed, and the anchor's certificates verify it.
      const connection = { timeout: TIMEOUT_MS, rejectUnauthorized: false }
      const dispatcher = new Agent({
        connect: connection,
        headersTimeout: TIMEOUT_MS,
        bodyTimeout: TIMEOUT_MS,
      })
      try {
        const reply = await request(url, {
          dispatcher,
          signal: signal === undefined ? end : AbortSignal.any([end, signal]),
        })
        const tooLarge = (): Fault =>
          new Fault('network_error', { what: say`${new URL(url).host} sent more than ${maxBytes} bytes` })
        const { write, bytes } = collectBytes(maxBytes, tooLarge)
        for await (const chunk of reply.body as AsyncIterable<Buffer>) write(chunk)
        return { status: reply.statusCode, body: bytes() }
      } catch (cause) {
        if (cause instanceof Fault) throw cause
        throw new Fault('network_error', { what: say`${new URL(url).host} did not answer`, cause })
      } finally {
        await dispatcher.destroy()
      }
    },
    shownCertificate,
  }
}

async function shownCertificate(address: string): Promise<Buffer> {
  const identity = await passingIdentity()
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const socket = connect({
    host: address,
    port: PORT.messages,
    // The certificate's name proves nothing here; the caller compares its hash.
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2',
    // The server demands a client certificate during the handshake and checks the owner only afterwards, so
    // any certificate will do.
    ...identity,
  })
  const fail = (why: string, cause?: unknown): void =>
    reject(new Fault('network_error', { what: `${address}:${PORT.messages} ${why}`, cause }))
  const timer = setTimeout(() => {
    fail('did not answer')
    socket.destroy()
  }, TLS_MS)
  socket.once('secureConnect', () => {
    const { raw } = socket.getPeerCertificate() as { raw?: Buffer }
    if (raw === undefined) fail('showed no certificate')
    else resolve(raw)
    socket.destroy()
  })
  socket.on('error', (cause) => fail('did not let us see its certificate', cause))
  socket.once('close', () => {
    clearTimeout(timer)
    fail('closed the connection')
  })
  return promise
}
