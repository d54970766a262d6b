/**
 * Asks OCSP responders and security servers: a few questions with limits of time and size, which reveal
 * nothing confidential.
 */
import { createHash } from 'node:crypto'
import { connect as connectTcp } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { Agent, request } from 'undici'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'

const MAX_BYTES = 64 * 1024
const TIMEOUT_MS = 3000

/** The DER answer to a DER request. Throws `network_error`. */
export type AskResponder = (url: string, question: Buffer) => Promise<Buffer>

export const askResponder: AskResponder = async (url, question) => {
  const dispatcher = new Agent({ connect: { timeout: TIMEOUT_MS }, maxResponseSize: MAX_BYTES })
  try {
    const reply = await request(url, {
      method: 'POST',
      headers: { 'content-type': 'application/ocsp-request', accept: 'application/ocsp-response' },
      body: question,
      dispatcher,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    const answer = Buffer.from(await reply.body.arrayBuffer())
    if (reply.statusCode !== 200)
      throw new Fault('network_error', { what: say`the OCSP responder answered HTTP ${reply.statusCode}` })
    return answer
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw new Fault('network_error', { what: say`the OCSP responder does not answer`, cause })
  } finally {
    await dispatcher.destroy()
  }
}

/**
 * `presented`: SHA-256 of the certificate that the server presented; absent when the handshake ended before.
 */
export type Reached = { connected: boolean; presented?: string }

/**
 * Begins a TLS handshake without an identity and closes the connection. The certificate is only compared, so
 * it need not be trusted.
 */
export function beginHandshake(host: string, port: number): Promise<Reached> {
  return new Promise((resolve) => {
    let connected = false
    const socket = connectTls({ host, port, rejectUnauthorized: false, minVersion: 'TLSv1.2' })
    const end = (): void => {
      // Null when the connection is closed already.
      const raw = (socket.getPeerCertificate() as { raw?: Buffer } | null)?.raw
      socket.destroy()
      resolve({
        connected,
        ...(raw === undefined ? {} : { presented: createHash('sha256').update(raw).digest('hex') }),
      })
    }
    socket.setTimeout(TIMEOUT_MS, end)
    socket.once('connect', () => {
      connected = true
    })
    socket.once('secureConnect', end)
    socket.once('error', end)
    socket.once('close', end)
  })
}

/** Whether a server listens at this port. */
export function canConnect(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTcp({ host, port })
    const end = (connected: boolean): void => {
      socket.destroy()
      resolve(connected)
    }
    socket.setTimeout(TIMEOUT_MS, () => end(false))
    socket.once('connect', () => end(true))
    socket.once('error', () => end(false))
  })
}
