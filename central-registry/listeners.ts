/** The registry's two listeners: the public one serves signed files, the admin one takes API keys. */
import { readFile } from 'node:fs/promises'
import type { ServerOptions } from 'node:https'
import type { FastifyInstance } from 'fastify'
import { readCertificate } from '#core/certificate/certificate.ts'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { createHttpService } from '#platform/http-service/create-http-service.ts'
import { adminRateLimit } from '#platform/http-service/rate-limit.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import type { Listener, Registration } from './config.ts'

export async function publicListener(listener: Listener, log: Log): Promise<FastifyInstance> {
  return createHttpService({ name: 'configuration', log, logRequests: false, ...(await tlsOf(listener)) })
}

export async function adminListener(listener: Listener, log: Log): Promise<FastifyInstance> {
  return createHttpService({ name: 'admin', log, rateLimit: adminRateLimit, ...(await tlsOf(listener)) })
}

/** Strangers may call it: what one address can make us verify is little. */
const REGISTRATION_RATE = { perSecond: 10, perMinute: 300 }

export async function registrationListener(
  listener: Registration,
  log: Log,
): Promise<{ app: FastifyInstance; certificate: Buffer }> {
  const { https } = await tlsOf(listener)
  return {
    app: createHttpService({ name: 'registration', log, rateLimit: REGISTRATION_RATE, ...{ https: https! } }),
    certificate: firstOf(https!.cert as Buffer),
  }
}

/** DER of the first certificate of a PEM file: the one that a TLS client sees. */
function firstOf(pem: Buffer): Buffer {
  const end = '-----END CERTIFICATE-----'
  const text = pem.toString('latin1')
  return readCertificate(Buffer.from(text.slice(0, text.indexOf(end) + end.length))).der
}

async function tlsOf({ certificateFile, keyFile }: Listener): Promise<{ https?: ServerOptions }> {
  if (certificateFile === undefined || keyFile === undefined) return {}
  const cert = await readFile(certificateFile).catch((cause: unknown) => {
    throw new Fault('invalid_configuration', { what: `${certificateFile} cannot be read`, cause })
  })
  return { https: { cert, key: await readSecret(keyFile), minVersion: 'TLSv1.2' } }
}
