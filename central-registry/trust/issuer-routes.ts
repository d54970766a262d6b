/**
 * Handlers of the operations on trusted issuers of credentials: list them, change and withdraw them with two
 * persons.
 */
import { certificateFacts } from '#core/certificate/certificate-facts.ts'
import { isWithdrawn, readPublishedIssuer } from '#core/presentation/published-issuers.ts'
import type { Clock } from '#platform/clock.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { Fault } from '#schemas/fault.ts'
import { type Said, say } from '#schemas/said.ts'
import type { PublishedIssuer } from '#schemas/trusted-issuer.ts'
import type { TrustStore } from './store.ts'

/** What each member has to be: a form tells it at the field of that name, in the language of its reader. */
const MEMBERS: Record<string, Said> = {
  name: say`body.name has letters, digits, and _ . -`,
  purpose: say`body.purpose is a sentence of at most 500 characters, without control characters`,
  types: say`body.types are 1 to 32 vct values or doctypes, without spaces`,
  claims: say`body.claims are at most 100 paths, each of 1 to 8 names`,
  anchors: say`body.anchors are 1 to 20 certificates of CAs, each with times that are written like 2030-06-01T12:00:00Z`,
  signers: say`body.signers are at most 100 marks, each with a text for one of subject, dnsName, uri, policy and usage`,
  statusSigners: say`body.statusSigners are at most 100 marks, each with a text for one of subject, dnsName, uri, policy and usage`,
  requiresStatus: say`body.requiresStatus is true, false or a time like 2030-06-01T12:00:00Z`,
  statusHosts: say`body.statusHosts are at most 100 names of hosts such as status.example, without https://`,
}

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
      const issuer = readBody(body)
      if (issuer.former !== undefined)
        throw new Fault('invalid_input', { what: say`former is what the registry writes: leave it out` })
      if (issuer.name !== params['name'])
        throw new Fault('invalid_input', { what: say`name is not the name in the path` })
      // Its trust would end under one of them and go on under the other.
      if (new Set(issuer.anchors.map(({ certificate }) => certificate)).size < issuer.anchors.length)
        throw new Fault('invalid_input', { what: say`body.anchors has a certificate twice` })
      return store.putIssuer(issuer, now())
    },
    withdrawTrustedIssuer: ({ params }) => store.withdrawIssuer(params['name']!, now()),
  }
}

/** Throws a fault that names the member which is wrong as the body has it. */
function readBody(body: unknown): PublishedIssuer {
  try {
    return readPublishedIssuer(body)
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    const word = /^\w+/.exec(thrown.what ?? '')?.[0] ?? ''
    // Of all that it reads only a certificate has faults of its own; the times are those of an anchor.
    const isAnchor = thrown.code === 'malformed_certificate' || ['trustedFrom', 'trustedUntil'].includes(word)
    const member = isAnchor ? 'anchors' : word
    const what = Object.hasOwn(MEMBERS, member) ? MEMBERS[member] : undefined
    throw what === undefined ? thrown : new Fault('invalid_input', { what, cause: thrown })
  }
}
