/**
 * Posts to another registry's registration listener. That registry's signed statement has the address and the
 * certificate of the listener; nothing is sent to a server with another certificate.
 */
import { X509Certificate } from 'node:crypto'
import { Agent, request } from 'undici'
import { Fault } from '#schemas/fault.ts'
import type { RegistrationService } from '#schemas/global-configuration.ts'
import { say } from '#schemas/said.ts'

/**
 * The answer, at most `maxBytes` long, unless `signal` aborts first. Throws `registration_unavailable`, with
 * the HTTP status if there is one.
 */
export type PostToPartner = (
  service: RegistrationService,
  path: string,
  document: string,
  maxBytes: number,
  signal: AbortSignal,
) => Promise<Buffer>

const TIMEOUT_MS = 8_000

export const postToPartner: PostToPartner = async (service, path, document, maxResponseSize, signal) => {
  const certificate = Buffer.from(service.certificate, 'base64')
  const dispatcher = new Agent({
    connect: {
      timeout: TIMEOUT_MS,
      ca: new X509Certificate(certificate).toString(),
      // The certificate itself is trusted, whatever its issuer and name.
      allowPartialTrustChain: true,
      checkServerIdentity: (_host, shown) =>
        shown.raw.equals(certificate) ? undefined : new Error('the registry shows another certificate'),
    },
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
    maxResponseSize,
  })
  try {
    const reply = await request(new URL(path, service.address), {
      method: 'POST',
      headers: { 'content-type': 'application/jose+json' },
      body: document,
      dispatcher,
      signal: AbortSignal.any([signal, AbortSignal.timeout(2 * TIMEOUT_MS)]),
    })
    const bytes = Buffer.from(await reply.body.arrayBuffer())
    if (reply.statusCode >= 300)
      throw new Fault('registration_unavailable', {
        what: say`${service.address} answered HTTP ${reply.statusCode}`,
      })
    return bytes
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw new Fault('registration_unavailable', { what: `no answer came from ${service.address}`, cause })
  } finally {
    await dispatcher.destroy()
  }
}
