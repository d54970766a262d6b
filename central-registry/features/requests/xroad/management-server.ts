/**
 * Admits only the management security server to the management services, by comparing its internal TLS
 * certificate byte by byte. Guarantees that no body from anybody else is read, whatever the TLS handshake
 * accepted.
 */
import type { TLSSocket } from 'node:tls'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { type Certificate, readCertificate } from '#core/certificate/certificate.ts'
import { Fault } from '#schemas/fault.ts'

export function admitManagementServer(app: FastifyInstance, pinned: Certificate[]): void {
  app.addHook('onRequest', async (request) => {
    managementServerOf(request, pinned)
  })
}

/**
 * The pinned certificate with which this request's connection was made. Throws `ssl_authentication_failed`.
 */
export function managementServerOf({ raw }: FastifyRequest, pinned: Certificate[]): Certificate {
  // Node returns an empty object when the client presented no certificate.
  const { raw: shown } = (raw.socket as TLSSocket).getPeerCertificate() as { raw?: Buffer }
  const found = pinned.find(({ der }) => shown !== undefined && der.equals(shown))
  if (found !== undefined) return found
  throw new Fault('ssl_authentication_failed', {
    what: 'only the management security server whose certificate stands in the settings may call this',
  })
}

/**
 * The certificates of a PEM file, at least one; two while the server changes its certificate. Throws
 * `invalid_configuration`.
 */
export function pinnedCertificates(pem: Buffer): Certificate[] {
  const blocks = pem.toString('latin1').match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)
  if (blocks === null)
    throw new Fault('invalid_configuration', {
      what: 'managementService.clientCertificateFile holds no certificate',
    })
  return blocks.map((block) => readCertificate(Buffer.from(block)))
}
