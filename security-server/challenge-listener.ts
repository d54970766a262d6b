/**
 * The listener at which CAs look whether a name is ours: plain HTTP, open to everybody, so bounded more
 * narrowly than any other.
 */
import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify'
import { NO_SCHEMAS } from '#platform/http-service/no-schemas.ts'
import type { PortSharing } from '#platform/workers/shared-ports.ts'

type FrameworkErrors = (cause: FastifyError, request: FastifyRequest, reply: FastifyReply) => void

const MAX_CONNECTIONS = 64
const TIMEOUT_MS = 5000

export async function listenForChallenges(
  { address: host, port }: { address: string; port: number },
  addRoutes: (app: FastifyInstance) => void | Promise<void>,
  share: PortSharing = {},
): Promise<FastifyInstance> {
  const app = Fastify({
    schemaController: NO_SCHEMAS,
    logController: new LogController({ disableRequestLogging: true }),
    ...{
      exposeHeadRoutes: false,
      bodyLimit: 1024,
      requestTimeout: TIMEOUT_MS,
      connectionTimeout: TIMEOUT_MS,
    },
    // Node looks for requests that take too long at this interval only; by default each half minute.
    http: { maxHeaderSize: 8192, headersTimeout: TIMEOUT_MS, connectionsCheckingInterval: 500 },
    ...{ keepAliveTimeout: 1000, maxRequestsPerSocket: 1, forceCloseConnections: true },
    // Tokens are up to 200 characters; longer paths and malformed ones are answered as any that names no
    // token.
    routerOptions: { maxParamLength: 200 },
    frameworkErrors: ((_cause, _request, reply) =>
      void reply.code(404).type('text/plain').send('')) as FrameworkErrors,
  })
  app.server.maxConnections = MAX_CONNECTIONS
  app.setNotFoundHandler((_request, reply) => reply.code(404).type('text/plain').send(''))
  app.setErrorHandler((_cause, _request, reply) => reply.code(400).type('text/plain').send(''))
  await addRoutes(app)
  await app.listen({ host, port, ...share })
  return app
}
