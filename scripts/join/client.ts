/** Asks a running node for what a new one needs. */
import http from 'node:http'
import https from 'node:https'
import { Fault } from '#schemas/fault.ts'

const TIMEOUT_MS = 30_000
/** Settings with their secrets and certificates, in base64. */
const MAX_BYTES = 16 * 1024 * 1024

/**
 * Resolves to the sealed answer. The certificate of the node is not judged: the proof is of use to that node
 * alone, the answer opens with the secret alone, and the new machine may know no authority yet. Throws
 * `network_error`, and `unauthorized` with what the node said.
 */
export function askToJoin(address: string, body: { id: string; proof: string }): Promise<Buffer> {
  const url = new URL('/join', address)
  const options = { method: 'POST', headers: { 'Content-Type': 'application/json' }, timeout: TIMEOUT_MS }
  return new Promise((resolve, reject) => {
    const failed = (cause: unknown): void => reject(new Fault('network_error', { what: url.host, cause }))
    const answered = (response: http.IncomingMessage): void => {
      const parts: Buffer[] = []
      let length = 0
      response.on('data', (part: Buffer) => {
        length += part.length
        if (length > MAX_BYTES) response.destroy(new Error('too long an answer'))
        else parts.push(part)
      })
      response.on('error', failed)
      response.on('end', () => {
        try {
          resolve(sealedIn(response.statusCode ?? 0, Buffer.concat(parts).toString()))
        } catch (cause) {
          reject(cause instanceof Fault ? cause : new Fault('network_error', { what: url.host, cause }))
        }
      })
    }
    const request =
      url.protocol === 'https:'
        ? https.request(url, { ...options, rejectUnauthorized: false }, answered)
        : http.request(url, options, answered)
    request.on('error', failed)
    request.on('timeout', () => request.destroy(new Error('no answer in time')))
    request.end(JSON.stringify(body))
  })
}

function sealedIn(status: number, text: string): Buffer {
  const { sealed } = JSON.parse(text) as { sealed?: unknown }
  if (status === 200 && typeof sealed === 'string') return Buffer.from(sealed, 'base64')
  if (status === 401)
    throw new Fault('unauthorized', { what: 'the secret to join by is wrong, was used, or is over' })
  throw new Fault('network_error', { what: `the node answered ${status}` })
}
