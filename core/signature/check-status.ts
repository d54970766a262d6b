/**
 * Whether all that is known by now shows that a certificate was good at a past time (docs/validation-policy.md): a
 * revocation before that time counts whoever else says otherwise, and a later good answer counts as much as one of that time.
 */
import type { Certificate } from '#core/certificate/certificate.ts'
import { CLOCK_SKEW_MS } from '#core/certificate/ocsp-response.ts'
import { readOcspStatus } from '#core/certificate/ocsp-status.ts'
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import { Fault } from '#schemas/fault.ts'

type StatusQuestion = {
  certificate: Certificate
  issuer: Certificate
  configuration: Pick<ConfigurationIndex, 'caOf'>
  /** Every OCSP answer there is, about whatever certificate. */
  responses: readonly Buffer[]
  at: Date
  now: Date
  freshnessSeconds: number
}

/** Throws `incorrect_validation_info` or `malformed_ocsp`. */
export function checkStatusAt(q: StatusQuestion): void {
  const { known, objection } = statuses(q)
  const revoked = known.find(({ status, revokedAt }) => status === 'revoked' && revokedAt! <= q.at)
  if (revoked !== undefined)
    throw refused(`the certificate was revoked at ${revoked.revokedAt!.toISOString()}`)
  if (!known.some((one) => showsGood(one, q)))
    throw objection ?? refused(known.length === 0 ? 'there is none about this certificate' : 'none is fresh')
}

/** When a genuine answer says that the certificate was revoked; the earliest. */
export function revocationOf(q: Omit<StatusQuestion, 'at' | 'freshnessSeconds'>): Date | undefined {
  const times = statuses(q).known.flatMap(({ status, revokedAt }) =>
    status === 'revoked' ? [revokedAt!] : [],
  )
  return times.sort((a, b) => a.getTime() - b.getTime())[0]
}

type Known = NonNullable<ReturnType<typeof readOcspStatus>>

/** Answers that are not genuine, or of a time to come, say nothing. */
function statuses(q: Omit<StatusQuestion, 'at' | 'freshnessSeconds'>): { known: Known[]; objection?: Fault } {
  const responders = q.configuration.caOf(q.certificate)?.responders ?? []
  const found: { known: Known[]; objection?: Fault } = { known: [] }
  for (const response of q.responses) {
    try {
      const one = readOcspStatus({ ...q, response, responders })
      if (one !== undefined && one.producedAt.getTime() <= q.now.getTime() + CLOCK_SKEW_MS)
        found.known.push(one)
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown
      found.objection = thrown
    }
  }
  return found
}

function showsGood({ status, revokedAt, thisUpdate, nextUpdate }: Known, q: StatusQuestion): boolean {
  if (status === 'revoked') return revokedAt! > q.at
  if (status !== 'good' || thisUpdate.getTime() + q.freshnessSeconds * 1000 < q.at.getTime()) return false
  return thisUpdate > q.at || nextUpdate === undefined || nextUpdate >= q.at
}

function refused(what: string): Fault {
  return new Fault('incorrect_validation_info', { what: `OCSP answer refused: ${what}` })
}
