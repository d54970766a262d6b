/**
 * The client of the central registry's registration listener. The global configuration names its address and
 * its certificate; nothing is sent to a server that presents another certificate.
 */
import { X509Certificate } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { Fault } from '#schemas/fault.ts'
import type { PrivateParameters } from '#schemas/global-configuration.ts'

/**
 * Sends a signed document to a path of the listener and returns the answer's bytes, at most `maxBytes`.
 * Throws `registration_refused` with the registry's reason, `too_many_requests` when its turn did not come,
 * or `registration_unavailable`.
 */
export type PostDocument = (path: string, document: string, maxBytes?: number) => Promise<Buffer>

/** What the registration service of an X-Road central server answered, whatever the status. */
export type CentralServerAnswer = { status: number; contentType: string; bytes: Buffer }

/**
 * Sends a message to the very URL that the configuration names, once. Throws `registration_unavailable`
 * without an answer.
 */
export type PostMessage = (contentType: string, body: Buffer) => Promise<CentralServerAnswer>

const TIMEOUT_MS = 15_000
const MAX_BYTES = 512 * 1024
/** How long a document waits for its turn in all. */
const DEADLINE_MS = 20_000
const LATER = /^[1-9]\d{0,4}$/

export function createPostDocument(service: () => PrivateParameters['managementService']): PostDocument {
  return async (path, body, maxBytes = MAX_BYTES) => {
    const { url, dispatcher } = connectionTo(service(), maxBytes)
    const { origin } = url
    const latest = performance.now() + DEADLINE_MS
    try {
      for (;;) {
        const reply = await request(`${origin}${path}`, {
          method: 'POST',
          headers: {
            'content-type': 'application/jose+json',
            accept: 'application/json, application/jose+json',
          },
          body,
          dispatcher,
          signal: AbortSignal.timeout(2 * TIMEOUT_MS),
        })
        const bytes = Buffer.from(await reply.body.arrayBuffer())
        if (reply.statusCode < 300) return bytes
        // The limit counts requests by address, which other servers may share. The registry did not read the
        // document, so its id can be used again.
        const pause = pauseUntilTurn(reply.headers['retry-after'])
        if (reply.statusCode !== 429) throw refusal(reply.statusCode, bytes)
        if (performance.now() + pause > latest)
          throw new Fault('too_many_requests', {
            what: 'at the central registry',
            retryAfter: Math.ceil(pause / 1000),
          })
        await wait(pause)
      }
    } catch (cause) {
      if (cause instanceof Fault) throw cause
      throw new Fault('registration_unavailable', { what: `no answer came from ${origin}`, cause })
    } finally {
      await dispatcher.destroy()
    }
  }
}

/** Servers that share an address and were refused together do not ask again together. */
function pauseUntilTurn(retryAfter: string | string[] | undefined): number {
  const seconds = typeof retryAfter === 'string' && LATER.test(retryAfter) ? Number(retryAfter) : 1
  return 1000 * (seconds + Math.random())
}

export function createPostMessage(service: () => PrivateParameters['managementService']): PostMessage {
  return async (contentType, body) => {
    const { url, dispatcher } = connectionTo(service(), MAX_BYTES)
    try {
      const reply = await request(url, {
        method: 'POST',
        headers: { 'content-type': contentType },
        body,
        dispatcher,
        signal: AbortSignal.timeout(2 * TIMEOUT_MS),
      })
      const bytes = Buffer.from(await reply.body.arrayBuffer())
      return { status: reply.statusCode, contentType: String(reply.headers['content-type'] ?? ''), bytes }
    } catch (cause) {
      throw new Fault('registration_unavailable', { what: `no answer came from ${url.origin}`, cause })
    } finally {
      await dispatcher.destroy()
    }
  }
}

/** As in X-Road, the certificate itself is compared; its issuer and names do not matter. */
function connectionTo(
  service: PrivateParameters['managementService'],
  maxResponseSize: number,
): { url: URL; dispatcher: Agent } {
  const certificate = service?.authCertRegServiceCert
  const url = URL.parse(service?.authCertRegServiceAddress ?? '')
  if (certificate === undefined || url?.protocol !== 'https:')
    throw new Fault('registration_unavailable', {
      what: 'the global configuration names no registration service with its certificate',
    })
  const dispatcher = new Agent({
    connect: {
      timeout: TIMEOUT_MS,
      ca: new X509Certificate(certificate).toString(),
      // The certificate is the trust anchor, whoever issued it.
      allowPartialTrustChain: true,
      checkServerIdentity: (_host, shown) =>
        shown.raw.equals(certificate) ? undefined : new Error('the server shows another certificate'),
    },
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
    maxResponseSize,
  })
  return { url, dispatcher }
}

/** The registry's fault and its id, under our own code: the caller of our API did nothing wrong. */
function refusal(status: number, bytes: Buffer): Fault {
  let said: { type?: unknown; message?: unknown; detail?: unknown } = {}
  try {
    said = parseStrictJson(bytes) as typeof said
  } catch {
    // Not a Concordat registry: there is only the HTTP status.
  }
  const text = (value: unknown, most: number): string =>
    typeof value === 'string' ? value.replace(/\p{Cc}/gu, ' ').slice(0, most) : ''
  const message = text(said?.message, 500) || `HTTP ${status}`
  const detail = text(said?.detail, 100)
  const what = said?.type === undefined ? message : `${text(said.type, 60)}: ${message}`
  return new Fault('registration_refused', { what, ...(detail === '' ? {} : { detail }) })
}
