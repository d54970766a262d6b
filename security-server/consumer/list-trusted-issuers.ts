/**
 * GET /listTrustedIssuers: whose credentials the instance trusts, as the registry signed it, for systems that
 * verify what wallets present.
 */
import type { FastifyInstance } from 'fastify'
import type { Log } from '#platform/logging/create-log.ts'
import type { ListedIssuers } from '#schemas/trusted-issuer.ts'
import type { GlobalConfiguration } from '../global-configuration/global-configuration.ts'
import { refuseRequest } from './routes.ts'

export function listTrustedIssuersRoute(
  app: FastifyInstance,
  globalConfiguration: Pick<GlobalConfiguration, 'current'>,
  log: Log,
): void {
  app.get('/listTrustedIssuers', { exposeHeadRoute: false }, async (request, reply) => {
    try {
      const { instance, trustedIssuers } = globalConfiguration.current()
      return await reply.send({ instance, issuers: [...trustedIssuers] } satisfies ListedIssuers)
    } catch (cause) {
      return refuseRequest(request, reply, cause, log)
    }
  })
}
