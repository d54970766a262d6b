/** Asks the process on this machine how it is, at its listener for operators. */
import { readFile } from 'node:fs/promises'
import { Agent, request } from 'undici'
import type { Listener } from '#platform/http-service/listener-tls.ts'
import { Fault } from '#schemas/fault.ts'

const TIMEOUT_MS = 10_000
const MAX_BYTES = 4 * 1024 * 1024

/** Throws `network_error` when the process does not answer. */
export async function fetchStatus({ address, port, certificateFile }: Listener): Promise<unknown> {
  const scheme = certificateFile === undefined ? 'http' : 'https'
  const host = address.includes(':') ? `[${address}]` : address
  const url = `${scheme}://${host}:${port}/status`
  // The own certificate is the only one that counts here, whatever names it has.
  const ca = certificateFile === undefined ? undefined : await readFile(certificateFile)
  const connect = { timeout: TIMEOUT_MS, ca, checkServerIdentity: () => undefined }
  const dispatcher = new Agent({
    connect,
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
    maxResponseSize: MAX_BYTES,
  })
  try {
    const { statusCode, body } = await request(url, { dispatcher })
    if (statusCode !== 200) throw new Fault('network_error', { what: `${url} answered HTTP ${statusCode}` })
    return await body.json()
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw new Fault('network_error', { what: `no proxy answers at ${url}`, cause })
  } finally {
    await dispatcher.destroy()
  }
}
