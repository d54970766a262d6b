/** Handlers of the operations on trusted issuers of credentials: list them, change and withdraw them with two persons. */
import { certificateFacts } from '#core/certificate/certificate-facts.ts'
import { isWithdrawn, readPublishedIssuer } from '#core/presentation/published-issuers.ts'
import type { Clock } from '#platform/clock.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { TrustStore } from './store.ts'

export function issuerHandlers(q: {
  store: Pick<TrustStore, 'issuers' | 'putIssuer' | 'withdrawIssuer'>
  clock: Clock
}): Record<string, OperationHandler> {
  const { store } = q
  const now = (): Date => new Date(q.clock())
  return {
    getTrustedIssuers: async () =>
      (await store.issuers()).map(({ issuer, sha256, changedAt }) => ({
        name: issuer.name,
        state: isWithdrawn(issuer, now()) ? 'WITHDRAWN' : 'TRUSTED',
        ...{ sha256, changedAt, issuer },
        anchors: [issuer, ...(issuer.former ?? [])]
          .flatMap((one) => one.anchors)
          .map(({ certificate, trustedFrom = null, trustedUntil = null }) => ({
            ...certificateFacts(Buffer.from(certificate, 'base64')),
            ...{ trustedFrom, trustedUntil },
          })),
      })),
    putTrustedIssuer: ({ params, body }) => {
      const issuer = readPublishedIssuer(body)
      if (issuer.former !== undefined)
        throw new Fault('invalid_input', { what: say`former is what the registry writes: leave it out` })
      if (issuer.name !== params['name'])
        throw new Fault('invalid_input', { what: say`name is not the name in the path` })
      return store.putIssuer(issuer, now())
    },
    withdrawTrustedIssuer: ({ params }) => store.withdrawIssuer(params['name']!, now()),
  }
}
