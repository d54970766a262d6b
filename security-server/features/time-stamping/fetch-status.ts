/**
 * Fetches the status of certificates just before a time-stamp: an OCSP response for each certificate and for the CAs above it. A
 * response that cannot be fetched in time is left out, so that a responder that is down never delays a time-stamp.
 */
import { type Certificate, parseCertificate } from '#core/certificate/certificate.ts'
import { buildOcspRequest } from '#core/certificate/ocsp-request.ts'
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import type { IssuingCa } from '#core/configuration/index-trust.ts'
import { type Clock, hasPassed } from '#platform/clock.ts'
import { Fault } from '#schemas/fault.ts'

/** The batches of a backlog follow each other quickly: one response serves all batches within this time. */
const FRESH_MS = 30_000
/** A responder that failed is not asked again for so long. */
const REST_MS = 60_000
const AT_ONCE = 8
const MAX_REMEMBERED = 1024
const MAX_AUTHORITIES = 4

type Rooms = {
  clock: Clock
  /** The configurations in force, of all instances. Throws when there is none. */
  configurations(): readonly ConfigurationIndex[]
  fetchOcsp(url: string, request: Buffer): Promise<Buffer>
}

type FetchStatus = (certificates: Certificate[]) => Promise<Buffer[]>

export function createFetchStatus(rooms: Rooms): FetchStatus {
  const known = new Map<string, { at: number; answer: Buffer }>()
  const failedAt = new Map<string, number>()

  const fetchOne = async (
    name: string,
    { certificate, of }: { certificate: Certificate; of: IssuingCa },
  ): Promise<Buffer | undefined> => {
    const now = rooms.clock()
    const found = known.get(name)
    if (found !== undefined && !hasPassed(now, found.at, FRESH_MS)) return found.answer
    for (const url of of.ocspUrls) {
      if (!hasPassed(now, failedAt.get(url) ?? 0, REST_MS)) continue
      try {
        const answer = await rooms.fetchOcsp(url, buildOcspRequest(certificate, of.ca))
        if (known.size >= MAX_REMEMBERED) known.clear()
        known.set(name, { at: now, answer })
        return answer
      } catch (thrown) {
        if (!(thrown instanceof Fault)) throw thrown
        failedAt.set(url, now)
      }
    }
    return undefined
  }

  return async (certificates) => {
    const wanted = new Map<string, { certificate: Certificate; of: IssuingCa }>()
    // Each instance that approves a CA of its name is asked: none may stand before another with a responder that keeps silent.
    for (const configuration of rooms.configurations())
      for (const certificate of certificates) {
        let below = certificate
        for (const of of authoritiesOf(certificate, configuration)) {
          wanted.set([below.sha256, of.ca.sha256, ...of.ocspUrls].join(' '), { certificate: below, of })
          below = of.ca
        }
      }
    const queue = [...wanted]
    const answers: Buffer[] = []
    const work = async (): Promise<void> => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const answer = await fetchOne(...next)
        if (answer !== undefined) answers.push(answer)
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
    return answers
  }
}

/** The approved CAs above a certificate, the nearest first, up to one that the configuration trusts directly. */
export function authoritiesOf(certificate: Certificate, configuration: ConfigurationIndex): IssuingCa[] {
  const { anchors } = configuration.caCertificates()
  const found: IssuingCa[] = []
  let below = certificate
  while (found.length < MAX_AUTHORITIES) {
    const of = configuration.caOf(below)
    if (of === undefined || of.ca.sha256 === below.sha256) break
    found.push(of)
    if (anchors.some(({ sha256 }) => sha256 === of.ca.sha256)) break
    below = of.ca
  }
  return found
}

/** Parses DER certificates. Those that cannot be parsed are left out. */
export function readable(ders: Buffer[]): Certificate[] {
  return ders.flatMap((der) => {
    try {
      return [parseCertificate(der)]
    } catch (thrown) {
      if (thrown instanceof Fault) return []
      throw thrown
    }
  })
}
