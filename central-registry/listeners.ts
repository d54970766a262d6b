/** The registry's two listeners: the public one serves signed files, the admin one takes API keys. */
import { readFile } from 'node:fs/promises'
import type { ServerOptions } from 'node:https'
import type { FastifyInstance } from 'fastify'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { createHttpService } from '#platform/http-service/create-http-service.ts'
import { adminRateLimit } from '#platform/http-service/rate-limit.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import type { Listener } from './config.ts'

export async function publicListener(listener: Listener, log: Log): Promise<FastifyInstance> {
  return createHttpService({ name: 'configuration', log, logRequests: false, ...(await tlsOf(listener)) })
}

export async function adminListener(listener: Listener, log: Log): Promise<FastifyInstance> {
  return createHttpService({ name: 'admin', log, rateLimit: adminRateLimit, ...(await tlsOf(listener)) })
}

async function tlsOf({ certificateFile, keyFile }: Listener): Promise<{ https?: ServerOptions }> {
  if (certificateFile === undefined || keyFile === undefined) return {}
  const cert = await readFile(certificateFile).catch((cause: unknown) => {
    throw new Fault('invalid_configuration', { what: `${certificateFile} cannot be read`, cause })
  })
  return { https: { cert, key: await readSecret(keyFile), minVersion: 'TLSv1.2' } }
}
