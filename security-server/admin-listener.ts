/**
 * Creates the listener of the management API, the console, health and metrics. It speaks HTTPS when the settings name a
 * certificate.
 */
import type { FastifyInstance } from 'fastify'
import { createHttpService } from '#platform/http-service/create-http-service.ts'
import { type Listener, tlsOf } from '#platform/http-service/listener-tls.ts'
import { adminRateLimit } from '#platform/http-service/rate-limit.ts'
import type { Log } from '#platform/logging/create-log.ts'

/** Does not listen yet: the caller adds routes and then listens. `url` is the base URL that the listener will have. */
export async function createAdminListener(
  listener: Listener,
  log: Log,
): Promise<{ app: FastifyInstance; url: string }> {
  const tls = await tlsOf(listener)
  const app = createHttpService({ name: 'admin', log, rateLimit: adminRateLimit, ...tls })
  const { address, port } = listener
  const host = address.includes(':') ? `[${address}]` : address
  return { app, url: `${tls.https === undefined ? 'http' : 'https'}://${host}:${port}` }
}
