/**
 * Fetches the status of certificates just before a time-stamp: an OCSP response for each certificate and for
 * the CAs above it. A response that cannot be fetched in time is left out, so that a responder that is down,
 * or that another registry names and that keeps silent, never stops time-stamps.
 */
import { type Certificate, parseCertificate } from '#core/certificate/certificate.ts'
import { buildOcspRequest } from '#core/certificate/ocsp-request.ts'
import { memberOfSigningCertificate } from '#core/certificate/subject-profile.ts'
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import type { IssuingCa } from '#core/configuration/index-trust.ts'
import { type Clock, hasPassed } from '#platform/clock.ts'
import { workQueues } from '#platform/work-queues.ts'
import { Fault } from '#schemas/fault.ts'
import type { MemberId } from '#schemas/identifiers.ts'

/** The batches of a backlog follow each other quickly: one response serves all batches within this time. */
const FRESH_MS = 30_000
/** A responder that failed is not asked again for so long. */
const REST_MS = 60_000
/** For each instance whose responders are asked. */
const AT_ONCE = 8
/** For all certificates together. */
const DEADLINE_MS = 10_000
const MAX_REMEMBERED = 1024
const MAX_AUTHORITIES = 4
/** Of one CA: an instance may publish any number. */
const MAX_ADDRESSES = 4

type Rooms = {
  clock: Clock
  /** The configurations in force, of all instances, the own one first. Throws when there is none. */
  configurations(): readonly ConfigurationIndex[]
  fetchOcsp(url: string, request: Buffer): Promise<Buffer>
}

type FetchStatus = {
  /**
   * Of time-stamping authorities: by the responders of our own instance, as it approves the authorities that
   * we ask.
   */
  ofStampers(certificates: Certificate[]): Promise<Buffer[]>
  /** Of signers: by the responders of their members' instance, which judges their signatures. */
  ofSigners(certificates: Certificate[]): Promise<Buffer[]>
}

type Asked = { name: string; certificate: Certificate; of: IssuingCa }

export function createFetchStatus(rooms: Rooms): FetchStatus {
  const known = new Map<string, { at: number; answer: Buffer }>()
  const failedAt = new Map<string, number>()

  const fetchOne = async (
    { name, certificate, of }: Asked,
    isLate: () => boolean,
  ): Promise<Buffer | undefined> => {
    const now = rooms.clock()
    const found = known.get(name)
    if (found !== undefined && !hasPassed(now, found.at, FRESH_MS)) return found.answer
    for (const url of of.ocspUrls.slice(0, MAX_ADDRESSES)) {
      if (isLate()) break
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

  const ask = async (
    asked: { configuration: ConfigurationIndex; certificates: Certificate[] }[],
  ): Promise<Buffer[]> => {
    const answers: Buffer[] = []
    await workQueues({
      queues: asked.map(({ configuration, certificates }) => questionsOf(certificates, configuration)),
      ...{ atOnce: AT_ONCE, deadlineMs: DEADLINE_MS },
      async work(one, isLate) {
        const answer = await fetchOne(one, isLate)
        if (answer !== undefined && !isLate()) answers.push(answer)
      },
    })
    return answers
  }

  return {
    ofStampers: (certificates) => ask([{ configuration: rooms.configurations()[0]!, certificates }]),
    ofSigners: (certificates) => {
      const configurations = rooms.configurations()
      const judges = certificates.map((one) => ({ certificate: one, by: judgesOf(one, configurations) }))
      return ask(
        configurations.map((configuration) => ({
          configuration,
          certificates: judges.filter(({ by }) => by.includes(configuration)).map((one) => one.certificate),
        })),
      )
    },
  }
}

/** Each question once. */
function questionsOf(certificates: Certificate[], configuration: ConfigurationIndex): Asked[] {
  const found = new Map<string, Asked>()
  for (const certificate of certificates) {
    let below = certificate
    for (const of of authoritiesOf(certificate, configuration)) {
      const name = [below.sha256, of.ca.sha256, ...of.ocspUrls].join(' ')
      found.set(name, { name, certificate: below, of })
      below = of.ca
    }
  }
  return [...found.values()]
}

/**
 * The instances whose member the signer is. Several may read its certificate as one of theirs; ours alone
 * counts when it has registered the member, so that no other registry comes between our members and our
 * responders.
 */
function judgesOf(
  signer: Certificate,
  configurations: readonly ConfigurationIndex[],
): readonly ConfigurationIndex[] {
  const [own] = configurations
  const member = own && memberOf(signer, own)
  if (member !== undefined && own!.isRegistered(member)) return [own!]
  return configurations.filter((one) => memberOf(signer, one) !== undefined)
}

/**
 * The member of this instance whose signing certificate it is; undefined when it is none by the profile of
 * its CA.
 */
function memberOf(signer: Certificate, configuration: ConfigurationIndex): MemberId | undefined {
  const approved = configuration.caOf(signer)?.approved
  if (approved === undefined) return undefined
  const profile = configuration.profileOf(approved.certificateProfileInfo) ?? approved.certificateProfileInfo
  try {
    const member = memberOfSigningCertificate(signer, profile, configuration.instance)
    return member.instance === configuration.instance ? member : undefined
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    return undefined
  }
}

/**
 * The approved CAs above a certificate, the nearest first, up to one that the configuration trusts directly.
 */
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
