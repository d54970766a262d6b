/**
 * Fetches OpenAPI documents for administrators. The address may be internal, but each connection goes to an address that
 * was looked up and judged once: not link-local, not one of our own listeners; no redirect is followed.
 */
import { lookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { Agent, request } from 'undici'
import { Fault } from '#schemas/fault.ts'
import type { InternalTls } from '../../keys/keys.ts'
import { tlsCredentials } from '../../keys/pem.ts'
import {
  checkDocumentUrl,
  isForbiddenAddress,
  isOwnListener,
  type OwnListener,
} from '../../local-systems/check-address.ts'
import { whyNoConnection, whyUntrusted } from '../../peer/why-no-connection.ts'

export type FetchDocument = (url: string) => Promise<string>

const MAX_BYTES = 2 * 1024 * 1024
const TIMEOUT_MS = 10_000

/**
 * Presents the internal TLS certificate to a server that asks for one, as calls of the service do. Throws
 * `service_malformed_url` for an address that is not allowed, and `description_not_fetched` when there is no document.
 */
export function createDocumentClient(
  own: readonly OwnListener[],
  internalTls?: Pick<InternalTls, 'identity'>,
): FetchDocument {
  return async (text) => {
    const url = new URL(checkDocumentUrl(text, own))
    const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80)
    const identity = internalTls?.identity()
    const credentials = identity === undefined ? {} : tlsCredentials(identity)
    const dispatcher = new Agent({
      connect: { timeout: TIMEOUT_MS, lookup: guardedLookup(port, own), ...credentials },
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
      maxResponseSize: MAX_BYTES,
    })
    try {
      const response = await request(url, {
        dispatcher,
        headers: { accept: 'application/yaml, application/json' },
        signal: AbortSignal.timeout(2 * TIMEOUT_MS),
      })
      const body = Buffer.from(await response.body.arrayBuffer())
      if (response.statusCode !== 200) {
        throw new Fault('description_not_fetched', {
          what: `${url.host}: it answered HTTP ${response.statusCode}`,
        })
      }
      return new TextDecoder('utf-8', { fatal: true }).decode(body)
    } catch (cause) {
      if (cause instanceof Fault) throw cause
      const reason = cause instanceof Error && cause.cause instanceof Fault ? cause.cause : cause
      if (reason instanceof Fault) throw reason
      throw new Fault('description_not_fetched', { what: `${url.host}: ${whyNoDocument(cause)}`, cause })
    } finally {
      await dispatcher.destroy()
    }
  }
}

function whyNoDocument(cause: unknown): string {
  const { code } = cause as { code?: unknown }
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return 'what it answered is not UTF-8'
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') return `it answered more than ${MAX_BYTES} bytes`
  return whyUntrusted(cause) ?? whyNoConnection(cause)
}

/** The name is resolved once and what is judged is what is connected to: a second answer (rebinding) has no say. */
function guardedLookup(port: number, own: readonly OwnListener[]): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, options, (error, address, family) => {
      const found =
        error === null ? [address].flat().map((one) => (typeof one === 'string' ? one : one.address)) : []
      const refused = found.some((one) => isForbiddenAddress(one) || isOwnListener(one, port, own))
      const fault = refused
        ? new Fault('service_malformed_url', { what: 'its host has an address that is not allowed' })
        : error
      callback(fault as NodeJS.ErrnoException | null, address as string, family)
    })
  }
}
