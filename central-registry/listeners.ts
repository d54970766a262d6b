/** The registry's listeners: the public one serves signed files, the admin one takes API keys, two take management requests. */
import type { FastifyInstance } from 'fastify'
import { type Certificate, readCertificate } from '#core/certificate/certificate.ts'
import { createHttpService } from '#platform/http-service/create-http-service.ts'
import { readPem, tlsOf } from '#platform/http-service/listener-tls.ts'
import { adminRateLimit } from '#platform/http-service/rate-limit.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { Listener, ManagementService, Registration } from './config.ts'
import { admitManagementServer, pinnedCertificates } from './features/requests/xroad/management-server.ts'

export async function publicListener(listener: Listener, log: Log): Promise<FastifyInstance> {
  return createHttpService({ name: 'configuration', log, logRequests: false, ...(await tlsOf(listener)) })
}

export async function adminListener(listener: Listener, log: Log): Promise<FastifyInstance> {
  return createHttpService({ name: 'admin', log, rateLimit: adminRateLimit, ...(await tlsOf(listener)) })
}

/** Strangers may call it: what one address can make us verify is little. */
const REGISTRATION_RATE = { perSecond: 10, perMinute: 300 }

export async function registrationListener(listener: Registration, log: Log): Promise<FastifyInstance> {
  const { https } = await tlsOf(listener)
  return createHttpService({ name: 'registration', log, rateLimit: REGISTRATION_RATE, https: https! })
}

/** Where servers register, as the configuration tells them. */
export async function registrationServiceOf(
  listener: Registration | undefined,
): Promise<{ port: number; certificate: Buffer } | undefined> {
  if (listener === undefined) return undefined
  const { https } = await tlsOf(listener)
  return { port: listener.port, certificate: firstOf(https!.cert as Buffer) }
}

/** One address brings the requests of all servers of X-Road's kind. */
const MANAGEMENT_RATE = { perSecond: 50, perMinute: 1000 }

/** Asks for a client certificate and takes any in the handshake: whose it is decides before a body is read. */
export async function managementListener(
  listener: ManagementService,
  pinned: Certificate[],
  log: Log,
): Promise<FastifyInstance> {
  const tls = await tlsOf(listener)
  const https = { ...tls.https!, requestCert: true, rejectUnauthorized: false, handshakeTimeout: 10_000 }
  const app = createHttpService({ name: 'management-service', log, rateLimit: MANAGEMENT_RATE, https })
  admitManagementServer(app, pinned)
  return app
}

/** Of the management security server, which alone may call that listener. */
export async function managementCertificatesOf(
  listener: ManagementService | undefined,
): Promise<Certificate[]> {
  return listener === undefined ? [] : pinnedCertificates(await readPem(listener.clientCertificateFile))
}

/** DER of the first certificate of a PEM file: the one that a TLS client sees. */
function firstOf(pem: Buffer): Buffer {
  const end = '-----END CERTIFICATE-----'
  const text = pem.toString('latin1')
  return readCertificate(Buffer.from(text.slice(0, text.indexOf(end) + end.length))).der
}
