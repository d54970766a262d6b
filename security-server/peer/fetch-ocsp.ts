/**
 * Fetches the OCSP responses of a peer's certificates from its port 5577, by hash (pr-messtransp). Verifies
 * each response and keeps it until it expires. The caller verifies the responses again for its own purpose.
 */
import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { Agent, request } from 'undici'
import type { Certificate } from '#core/certificate/certificate.ts'
import { verifyOcspResponse } from '#core/certificate/ocsp-response.ts'
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import { collectBytes } from '#core/transport/collect-bytes.ts'
import { namedType } from '#core/transport/content-type.ts'
import { boundaryOf, readMultipart } from '#core/transport/multipart-reader.ts'
import type { Clock } from '#platform/clock.ts'
import { Fault } from '#schemas/fault.ts'
import { createVerdictCache } from './verdict-cache.ts'
import { whyNoConnection } from './why-no-connection.ts'

const MAX_RESPONSE_BYTES = 64 * 1024
/** An agent of our own: peers are called directly, whatever the environment says about proxies. */
const dispatcher = new Agent()

type OcspFetch = (
  address: string,
  certificates: Certificate[],
  path: Certificate[],
  configuration: ConfigurationIndex,
) => Promise<Buffer[]>

type Kept = { response: Buffer; configuration: ConfigurationIndex; validUntil: number }

/**
 * Makes the fetcher: it returns one response per certificate, in order. It throws `incorrect_validation_info`
 * when the peer has none.
 */
export function createOcspFetch(settings: { port: number; timeoutMs: number; clock: Clock }): OcspFetch {
  const cache = createVerdictCache<Kept>(4096)
  const fetching = new Map<string, Promise<Buffer[]>>()

  /** Runs one fetch at a time for the same question; concurrent connections share its result. */
  function fetchOnce(address: string, certificates: Certificate[]): Promise<Buffer[]> {
    const key = [address, ...certificates.map((one) => one.sha256)].join(' ')
    const running = fetching.get(key)
    if (running !== undefined) return running
    const fetch = fetchByHash(address, certificates, settings).finally(() => fetching.delete(key))
    fetching.set(key, fetch)
    return fetch
  }

  return async (address, certificates, path, configuration) => {
    const keep = (certificate: Certificate, response: Buffer): Buffer => {
      const issuer = path[path.indexOf(certificate) + 1]!
      const responders = configuration.caOf(certificate)?.responders ?? []
      const at = new Date(settings.clock())
      const { ocspFreshnessSeconds: freshnessSeconds } = configuration
      const verdict = verifyOcspResponse({ response, certificate, issuer, responders, at, freshnessSeconds })
      cache.set(certificate.sha256, { response, configuration, validUntil: verdict.validUntil.getTime() })
      return response
    }
    /**
     * A kept response that does not verify under a newer configuration (its responders, its freshness) counts
     * as unknown.
     */
    const known = (certificate: Certificate): Buffer | undefined => {
      const kept = cache.get(certificate.sha256, settings.clock())
      if (kept === undefined || kept.configuration === configuration) return kept?.response
      try {
        return keep(certificate, kept.response)
      } catch {
        return undefined
      }
    }
    const found = certificates.map(known)
    if (found.every((response) => response !== undefined)) return found
    const responses = await fetchOnce(address, certificates)
    return certificates.map((certificate, i) => keep(certificate, responses[i]!))
  }
}

async function fetchByHash(
  address: string,
  certificates: Certificate[],
  settings: { port: number; timeoutMs: number },
): Promise<Buffer[]> {
  const sha1 = certificates.map((one) => `cert=${createHash('sha1').update(one.der).digest('hex')}`)
  const sha256 = certificates.map((one) => `cert_hash=${one.sha256}`)
  const host = address.includes(':') ? `[${address}]` : address
  const responses: Buffer[] = []
  let content: Readable | undefined
  try {
    const reply = await request(`http://${host}:${settings.port}/?${[...sha1, ...sha256].join('&')}`, {
      headers: { accept: 'multipart/related' },
      dispatcher,
      // For the whole call: connecting, headers and body.
      signal: AbortSignal.timeout(settings.timeoutMs),
    })
    // Without an error listener, destroying undici's body would end the process.
    content = reply.body.on('error', () => undefined)
    const contentType = String(reply.headers['content-type'] ?? '')
    // Often a proxy or another program at that port, which answers with a page.
    if (reply.statusCode !== 200 || !/^multipart\//i.test(contentType)) {
      throw new Fault('incorrect_validation_info', {
        what: `${address}, port ${settings.port}, answered ${reply.statusCode} for its OCSP responses, content type ${namedType(contentType)}`,
      })
    }
    await readMultipart({
      source: content,
      boundary: boundaryOf(contentType),
      limits: { maxParts: certificates.length, maxHeaderBytes: 4096 },
      onPart: () => collectInto(responses),
    })
  } catch (cause) {
    content?.destroy()
    if (cause instanceof Fault && cause.code === 'incorrect_validation_info') throw cause
    throw new Fault('incorrect_validation_info', {
      what: `OCSP responses of ${address}, port ${settings.port}: ${whyNoConnection(cause)}`,
      cause,
    })
  }
  if (responses.length !== certificates.length)
    throw new Fault('incorrect_validation_info', {
      what: `${address} sent ${responses.length} of ${certificates.length} OCSP responses`,
    })
  return responses
}

function collectInto(responses: Buffer[]): { write(chunk: Buffer): void; end(): void } {
  const tooLarge = (): Fault => new Fault('malformed_ocsp', { what: 'the OCSP response is too large' })
  const { write, bytes } = collectBytes(MAX_RESPONSE_BYTES, tooLarge)
  return { write, end: () => void responses.push(bytes()) }
}
