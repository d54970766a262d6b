/**
 * The registry's listeners: `public` serves signed files, `admin` the management API and console;
 * `registration` and `management` accept management requests.
 */
import type { FastifyInstance } from 'fastify'
import { type Certificate, readCertificate } from '#core/certificate/certificate.ts'
import { systemClock } from '#platform/clock.ts'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { createHttpService } from '#platform/http-service/create-http-service.ts'
import { LISTENER_TLS, readPem, tlsOf } from '#platform/http-service/listener-tls.ts'
import { adminRateLimit, limitVainRequests } from '#platform/http-service/rate-limit.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { Listener, ManagementService, Registration } from './config.ts'
import { admitManagementServer, pinnedCertificates } from './features/requests/xroad/management-server.ts'
import { isForXRoad, withRsaCertificate } from './features/requests/xroad/rsa-certificate.ts'

export async function publicListener(listener: Listener, log: Log): Promise<FastifyInstance> {
  return createHttpService({ name: 'configuration', log, logRequests: false, ...(await tlsOf(listener)) })
}

export async function adminListener(listener: Listener, log: Log): Promise<FastifyInstance> {
  return createHttpService({ name: 'admin', log, rateLimit: adminRateLimit, ...(await tlsOf(listener)) })
}

/** Anybody may call it, so one address may make us verify only a few signatures that are nobody's. */
const IN_VAIN = { perSecond: 10, perMinute: 300 }
/** A server asks some six times a minute, and hundreds of them may be hosted behind one address. */
const REGISTRATION_RATE = { perSecond: 50, perMinute: 3000 }

export async function registrationListener(listener: Registration, log: Log): Promise<FastifyInstance> {
  const { https } = await tlsOf(listener)
  const app = createHttpService({ name: 'registration', log, rateLimit: REGISTRATION_RATE, https: https! })
  limitVainRequests(app, IN_VAIN, systemClock)
  return app
}

/** The port and certificate of the registration listener, which the configuration publishes. */
export async function registrationServiceOf(
  listener: Registration | undefined,
): Promise<{ port: number; certificate: Buffer } | undefined> {
  if (listener === undefined) return undefined
  const { https } = await tlsOf(listener)
  return { port: listener.port, certificate: firstOf(https!.cert as Buffer) }
}

/** All management requests in X-Road's format come from one address. */
const MANAGEMENT_RATE = { perSecond: 50, perMinute: 1000 }

/**
 * Asks for a client certificate and accepts any in the handshake. Whether it is a pinned one is checked
 * before a body is read.
 */
export async function managementListener(
  listener: ManagementService,
  pinned: Certificate[],
  log: Log,
): Promise<FastifyInstance> {
  const [cert, key] = [await readPem(listener.certificateFile), await readSecret(listener.keyFile)]
  if (!isForXRoad(cert, listener))
    log.warn('an X-Road security server cannot call the management services: they have no RSA certificate')
  const tls = await withRsaCertificate({ ...LISTENER_TLS, cert, key }, listener)
  const https = { ...tls, requestCert: true, rejectUnauthorized: false, handshakeTimeout: 10_000 }
  const app = createHttpService({ name: 'management-service', log, rateLimit: MANAGEMENT_RATE, https })
  admitManagementServer(app, pinned)
  return app
}

/** The certificates of the management security server, which alone may call that listener. */
export async function managementCertificatesOf(
  listener: ManagementService | undefined,
): Promise<Certificate[]> {
  return listener === undefined ? [] : pinnedCertificates(await readPem(listener.clientCertificateFile))
}

/** DER of the first certificate of a PEM file, which is the server's own. */
function firstOf(pem: Buffer): Buffer {
  const end = '-----END CERTIFICATE-----'
  const text = pem.toString('latin1')
  return readCertificate(Buffer.from(text.slice(0, text.indexOf(end) + end.length))).der
}
