/**
 * Creates the listener of the management API, the console, health and metrics. It speaks HTTPS when the
 * settings name a certificate.
 */
import type { FastifyInstance } from 'fastify'
import { createHttpService } from '#platform/http-service/create-http-service.ts'
import { type Listener, tlsOf } from '#platform/http-service/listener-tls.ts'
import type { Counter } from '#platform/http-service/rate-limit.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { PortSharing } from '#platform/workers/shared-ports.ts'
import { answerInXRoadsForm } from './features/x-road-api/errors.ts'

/**
 * Does not listen yet: the caller adds routes and then listens. `url` is the base URL that the listener will
 * have.
 */
export async function createAdminListener(
  listener: Listener,
  log: Log,
  rateLimit: Counter,
): Promise<{ app: FastifyInstance; url: string }> {
  const tls = await tlsOf(listener)
  const app = createHttpService({ name: 'admin', log, rateLimit, ...tls })
  const { address, port } = listener
  const host = address.includes(':') ? `[${address}]` : address
  return { app, url: `${tls.https === undefined ? 'http' : 'https'}://${host}:${port}` }
}

/**
 * Listens for tools that were written for X-Road's server: bounded as the management API, with errors in
 * X-Road's form.
 */
export async function listenForXRoadsTools(
  listener: Listener,
  { log, rateLimit, share }: { log: Log; rateLimit: Counter; share: PortSharing },
  addRoutes: (app: FastifyInstance) => void | Promise<void>,
): Promise<FastifyInstance> {
  const tls = await tlsOf(listener)
  const { address: host, port } = listener
  const app = createHttpService({
    ...{ name: 'x-road-api', log, rateLimit, answerFailure: answerInXRoadsForm },
    ...tls,
  })
  await addRoutes(app)
  await app.listen({ host, port, ...share })
  return app
}
