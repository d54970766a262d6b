/**
 * Decides from all OCSP answers known by now whether a certificate was good at a past time
 * (docs/validation-policy.md). A revocation before that time prevails over all other answers. A later "good"
 * answer counts as much as one from that time.
 */
import type { Certificate } from '#core/certificate/certificate.ts'
import { CLOCK_SKEW_MS } from '#core/certificate/ocsp-response.ts'
import { readOcspStatus } from '#core/certificate/ocsp-status.ts'
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import { Fault } from '#schemas/fault.ts'
import { say, type Word } from '#schemas/said.ts'

type StatusQuestion = {
  certificate: Certificate
  issuer: Certificate
  configuration: Pick<ConfigurationIndex, 'caOf'>
  /** All available OCSP answers, about any certificate. */
  responses: readonly Buffer[]
  at: Date
  now: Date
  freshnessSeconds: number
}

/** Throws `incorrect_validation_info` or `malformed_ocsp` unless the certificate was good at `at`. */
export function checkStatusAt(q: StatusQuestion): void {
  const { known, objection } = statuses(q)
  const revoked = known.find(({ status, revokedAt }) => status === 'revoked' && revokedAt! <= q.at)
  if (revoked !== undefined)
    throw refused(say`the certificate was revoked at ${revoked.revokedAt!.toISOString()}`)
  if (!known.some((one) => showsGood(one, q)))
    throw (
      objection ??
      refused(known.length === 0 ? say`there is none about this certificate` : say`none is fresh`)
    )
}

/**
 * When the certificate was revoked, by the genuine answers; the earliest time if they differ, undefined if
 * none reports it.
 */
export function revocationOf(q: Omit<StatusQuestion, 'at' | 'freshnessSeconds'>): Date | undefined {
  const times = statuses(q).known.flatMap(({ status, revokedAt }) =>
    status === 'revoked' ? [revokedAt!] : [],
  )
  return times.sort((a, b) => a.getTime() - b.getTime())[0]
}

type Known = NonNullable<ReturnType<typeof readOcspStatus>>

/** Answers that are not genuine, or were made in the future, are ignored. */
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

function refused(what: Word): Fault {
  return new Fault('incorrect_validation_info', { what: say`OCSP answer refused: ${what}` })
}
