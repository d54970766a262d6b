/**
 * Fetches OpenAPI and WSDL documents for administrators. The address may be internal, but a document is never
 * fetched from a link-local address or from a listener of this server. Each connection goes to the address
 * that was checked. Redirects are not followed.
 */
import { Agent, request } from 'undici'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { InternalTls } from '../../keys/keys.ts'
import { tlsCredentials } from '../../keys/pem.ts'
import { checkDocumentUrl, type OwnListener } from '../../local-systems/check-address.ts'
import { guardedLookup } from '../../local-systems/guarded-lookup.ts'
import { whyNoConnection, whyUntrusted } from '../../peer/why-no-connection.ts'

/** `signal` ends it before its own time. */
export type FetchDocument = (url: string, signal?: AbortSignal) => Promise<string>

const MAX_BYTES = 2 * 1024 * 1024
const TIMEOUT_MS = 10_000

/**
 * Sends the internal TLS certificate if the server asks for one, as calls of the service do. Throws
 * `service_malformed_url` for an address that is not allowed, and `description_not_fetched` when no document
 * could be fetched.
 */
export function createDocumentClient(
  own: readonly OwnListener[],
  internalTls?: Pick<InternalTls, 'identity'>,
): FetchDocument {
  return async (text, signal) => {
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
        headers: { accept: 'application/yaml, application/json, text/xml, */*;q=0.5' },
        signal: AbortSignal.any([
          AbortSignal.timeout(2 * TIMEOUT_MS),
          ...(signal === undefined ? [] : [signal]),
        ]),
      })
      const body = Buffer.from(await response.body.arrayBuffer())
      if (response.statusCode !== 200) {
        throw new Fault('description_not_fetched', {
          what: say`${url.host}: it answered HTTP ${response.statusCode}`,
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
