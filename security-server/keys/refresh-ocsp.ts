/**
 * Keeps the OCSP responses of our active certificates fresh. A response is fetched again when it is older
 * than a third of its life or than the refresh interval, or when the last attempt failed. Responders are
 * tried in the configuration's order.
 */
import type { Certificate } from '#core/certificate/certificate.ts'
import { buildOcspRequest } from '#core/certificate/ocsp-request.ts'
import type { Clock } from '#platform/clock.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { CertificateStatuses } from './certificate-status.ts'
import type { FetchOcsp } from './client.ts'
import type { CertificateTrust } from './identity.ts'

type OcspRefresh = (o?: { force?: boolean }) => Promise<void>

/**
 * Makes the refresh. One refresh runs at a time: callers during a run wait for the next one. After all
 * certificates were tried it throws `incorrect_validation_info` with the number that got no good response.
 * `changed` is called when any response changed, and after a failure.
 */
export function createOcspRefresh(q: {
  clock: Clock
  statuses: CertificateStatuses
  fetch: FetchOcsp
  intervalSeconds: number
  configuration(): CertificateTrust
  /** Active certificates and their intermediates. */
  certificates(trust: CertificateTrust): Certificate[]
  changed(): void
}): OcspRefresh {
  let running: Promise<void> | undefined
  /** The run after the current one. */
  let waiting: Promise<void> | undefined
  let isForced = false

  async function run(force: boolean): Promise<void> {
    const trust = q.configuration()
    const wanted = q.certificates(trust).filter((certificate) => force || isDue(certificate, trust))
    const results = await Promise.allSettled(wanted.map((certificate) => refreshOne(certificate, trust)))
    if (results.some((result) => result.status === 'fulfilled' && result.value)) q.changed()
    const failed = results.filter((result) => result.status === 'rejected')
    if (failed.length === 0) return
    // A failed response may be a revocation, which changes the choice of certificates as well.
    q.changed()
    throw new Fault('incorrect_validation_info', {
      what: say`certificates without a good OCSP answer: ${failed.length} of ${wanted.length}`,
      cause: failed[0]?.reason,
    })
  }

  function isDue(certificate: Certificate, trust: CertificateTrust): boolean {
    const now = q.clock()
    prime(certificate, trust, new Date(now))
    const report = q.statuses.report(certificate, new Date(now))
    if (report.state !== 'good' || report.error !== undefined || report.checkedAt === undefined) return true
    const life = Math.min(
      report.validUntil!.getTime() - report.thisUpdate!.getTime(),
      trust.ocspFreshnessSeconds * 1000,
    )
    const wait = Math.min(q.intervalSeconds * 1000, life / 3)
    return now - report.checkedAt.getTime() >= wait || report.validUntil!.getTime() - now < life / 3
  }

  /**
   * Verifies the response that an earlier run left on disk, so that it can be used while no responder
   * answers.
   */
  function prime(certificate: Certificate, trust: CertificateTrust, at: Date): void {
    try {
      q.statuses.fresh(certificate, trust, at)
    } catch {
      // There is no usable response: the report shows that.
    }
  }

  async function refreshOne(certificate: Certificate, trust: CertificateTrust): Promise<boolean> {
    const issuer = trust.caOf(certificate)
    let fault = new Fault('incorrect_validation_info', { what: say`the CA has no OCSP responder configured` })
    if (issuer !== undefined) {
      const request = buildOcspRequest(certificate, issuer.ca)
      for (const url of issuer.ocspUrls) {
        try {
          const response = await q.fetch(url, request)
          return await q.statuses.accept(certificate, response, trust, new Date(q.clock()))
        } catch (thrown) {
          fault = asFault(thrown)
        }
      }
    }
    q.statuses.failed(certificate, fault, new Date(q.clock()))
    throw fault
  }

  const begin = (force: boolean): Promise<void> => {
    running = run(force).finally(() => {
      running = undefined
    })
    return running
  }
  return ({ force = false } = {}) => {
    if (running === undefined && waiting === undefined) return begin(force)
    // The current run may have begun before the caller's certificate was imported.
    isForced ||= force
    waiting ??= Promise.allSettled([running]).then(() => {
      const all = isForced
      waiting = undefined
      isForced = false
      return begin(all)
    })
    return waiting
  }
}
