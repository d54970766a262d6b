/**
 * Chooses identities and keeps them. An identity needs an active certificate, a valid path, fresh OCSP
 * responses for the certificate and its intermediates, and an unlocked key. While nothing changes a look-up
 * costs one map access. After every change the choice is made again; when the result is the same, the same
 * object is returned.
 */
import { type Certificate, publicKeyOf } from '#core/certificate/certificate.ts'
import { validatePath } from '#core/certificate/validate-path.ts'
import { methodFor } from '#core/signature/algorithms.ts'
import { isLocal, type SigningKey } from '#core/signature/signing-key.ts'
import type { Clock } from '#platform/clock.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, type MemberId } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import type { CertificateStatuses } from './certificate-status.ts'
import type { AuthenticationIdentity, CertificateTrust, SigningIdentity } from './identity.ts'
import type { KeyUsage, StoredCertificate, StoredKey } from './key-file.ts'
import { signerOf } from './sign-value.ts'
import type { Tokens } from './tokens.ts'

/** Everything that an identity consists of; equal parts give the same identity object. */
type Parts = {
  certificate: Certificate
  privateKey: SigningKey
  intermediates: Certificate[]
  ocspResponses: Buffer[]
}

type Kept<T> = { parts: Parts; identity: T; validUntil: number; trust: CertificateTrust; generation: number }

type Identities = {
  signing(member: MemberId): SigningIdentity
  authentication(): AuthenticationIdentity
  /**
   * Whether this active certificate would serve if it were the only one: nothing that it needs is missing,
   * and peers know it where they have to.
   */
  serves(sha256: string): boolean
  /** Active certificates of both usages with their intermediates, for the OCSP refresh. */
  certificates(trust: CertificateTrust): Certificate[]
  /** To be called when keys, certificates or OCSP responses have changed. */
  invalidate(): void
}

/**
 * See the file's head. Identities throw `token_not_active`, `token_unavailable`, `cannot_sign` or
 * `incorrect_validation_info`.
 */
export function createIdentities(q: {
  clock: Clock
  tokens: Pick<Tokens, 'keys' | 'signingKey' | 'softwareUnlocked'>
  statuses: CertificateStatuses
  configuration(): CertificateTrust
}): Identities {
  const kept = new Map<string, Kept<unknown>>()
  const registrations = createRegistrations()
  let generation = 0

  function current<T>(name: string, find: () => Candidate[], make: (parts: Parts) => T): T {
    const now = q.clock()
    const trust = q.configuration()
    const known = kept.get(name) as Kept<T> | undefined
    if (known?.generation === generation && known.trust === trust && now < known.validUntil) {
      return known.identity
    }
    const { parts, validUntil } = choose(find(), trust, new Date(now))
    const identity = known !== undefined && sameParts(known.parts, parts) ? known.identity : make(parts)
    kept.set(name, { parts, identity, validUntil, trust, generation })
    return identity
  }

  function choose(candidates: Candidate[], trust: CertificateTrust, at: Date) {
    if (candidates.length === 0 && !q.tokens.softwareUnlocked()) throw new Fault('token_not_active')
    let reason: unknown
    const { ranks, settled } = registrations.rank(candidates, trust, at.getTime())
    for (const candidate of inOrder(candidates, ranks)) {
      try {
        const { parts, validUntil } = evaluate(candidate, trust, at)
        return { parts, validUntil: Math.min(validUntil, settled) }
      } catch (thrown) {
        reason ??= thrown
      }
    }
    throw reason ?? new Fault('cannot_sign', { what: say`there is no active certificate` })
  }

  function evaluate({ key, stored }: Candidate, trust: CertificateTrust, at: Date) {
    // First, because a token that is locked or away is the fault that administrators must see.
    const privateKey = q.tokens.signingKey(key.id)
    const path = chainOf(stored.certificate, key.usage, trust, at)
    const statuses = path.map((each) => q.statuses.fresh(each, trust, at))
    const parts: Parts = {
      certificate: stored.certificate,
      privateKey,
      intermediates: path.slice(1),
      ocspResponses: statuses.map((status) => status.response),
    }
    const ends = [...path.map((each) => each.notAfter), ...statuses.map((status) => status.validUntil)]
    return { parts, validUntil: Math.min(...ends.map((end) => end.getTime())) }
  }

  return {
    signing(member) {
      const name = idText(member)
      const own = (stored: StoredCertificate) => stored.member !== undefined && idText(stored.member) === name
      return current(
        name,
        () => candidatesOf(q.tokens.keys(), 'SIGNING').filter(({ stored }) => own(stored)),
        (parts) => signingIdentity(member, parts),
      )
    },
    authentication: () =>
      current(
        'authentication',
        () => candidatesOf(q.tokens.keys(), 'AUTHENTICATION'),
        ({ privateKey, ...parts }): AuthenticationIdentity => {
          // Authentication keys are made in the software token only.
          if (!isLocal(privateKey))
            throw new Fault('cannot_sign', { what: say`TLS needs the key in this process` })
          return { ...parts, privateKey }
        },
      ),
    serves(sha256) {
      const [trust, at] = [q.configuration(), new Date(q.clock())]
      const found = (['SIGNING', 'AUTHENTICATION'] as const)
        .flatMap((usage) => candidatesOf(q.tokens.keys(), usage))
        .find(({ stored }) => stored.certificate.sha256 === sha256)
      if (found === undefined) return false
      const { ranks } = registrations.rank([found], trust, at.getTime())
      if (found.key.usage === 'AUTHENTICATION' && ranks.get(found) !== KNOWN) return false
      try {
        evaluate(found, trust, at)
        return true
      } catch {
        return false
      }
    },
    certificates(trust) {
      const found = new Map<string, Certificate>()
      const at = new Date(q.clock())
      for (const usage of ['SIGNING', 'AUTHENTICATION'] as const) {
        for (const { stored } of candidatesOf(q.tokens.keys(), usage)) {
          for (const each of chainOrNothing(stored.certificate, usage, trust, at))
            found.set(each.sha256, each)
        }
      }
      return [...found.values()]
    },
    invalidate() {
      generation += 1
    },
  }
}

type Candidate = { key: StoredKey; stored: StoredCertificate }

function candidatesOf(keys: StoredKey[], usage: KeyUsage): Candidate[] {
  return keys
    .filter((key) => key.usage === usage)
    .flatMap((key) => key.certificates.filter(({ active }) => active).map((stored) => ({ key, stored })))
}

/**
 * Sorts by rank: authentication certificates that peers know come first, because peers refuse others. Within
 * a rank the one that is valid longest comes first; among recently registered ones, of which nobody can tell
 * the time of registration, the older one.
 */
function inOrder(candidates: Candidate[], ranks: Map<Candidate, number>): Candidate[] {
  const rank = (candidate: Candidate): number => ranks.get(candidate) ?? UNREGISTERED
  return [...candidates].sort((a, b) => {
    if (rank(a) !== rank(b)) return rank(b) - rank(a)
    const [one, other] = [a.stored.certificate, b.stored.certificate]
    return rank(a) === LATELY
      ? one.notBefore.getTime() - other.notBefore.getTime()
      : other.notAfter.getTime() - one.notAfter.getTime()
  })
}

const UNREGISTERED = 0
const LATELY = 1
const KNOWN = 2

/**
 * Servers fetch a configuration each minute or more often, each at its own moment, and a single fetch often
 * fails.
 */
const PEERS_KNOW_AFTER_MS = 120_000

/**
 * Remembers since when this process has seen each authentication certificate registered. A recently
 * registered one ranks below one that all peers surely know, so that during a renewal peers are not shown a
 * certificate that they do not know yet.
 */
function createRegistrations() {
  const since = new Map<string, number>()

  return {
    /** `settled` is the time (ms) at which the next recently registered certificate counts as known. */
    rank(candidates: Candidate[], trust: CertificateTrust, now: number) {
      const ranks = new Map<Candidate, number>()
      let settled = Number.POSITIVE_INFINITY
      for (const candidate of candidates) {
        const { certificate } = candidate.stored
        if (candidate.key.usage !== 'AUTHENTICATION') continue
        if (!isRegisteredHere(certificate, trust)) {
          since.delete(certificate.sha256)
          continue
        }
        const first = since.get(certificate.sha256) ?? now
        since.set(certificate.sha256, first)
        const known = first + PEERS_KNOW_AFTER_MS
        ranks.set(candidate, now < known ? LATELY : KNOWN)
        if (now < known) settled = Math.min(settled, known)
      }
      return { ranks, settled }
    },
  }
}

/** Whether the configuration lists this authentication certificate. */
export function isRegisteredHere(certificate: Certificate, trust: CertificateTrust): boolean {
  return trust.serverByAuthCert(Buffer.from(certificate.sha256, 'hex')) !== undefined
}

/** The certificate and its intermediates, without the trust anchor. Throws as `validatePath` does. */
export function chainOf(
  certificate: Certificate,
  usage: KeyUsage,
  trust: CertificateTrust,
  at: Date,
): Certificate[] {
  const signing = usage === 'SIGNING'
  return validatePath({
    certificate,
    ...trust.caCertificates({ forSigning: signing }),
    at,
    purpose: signing ? 'signing' : 'authentication',
  }).slice(0, -1)
}

function chainOrNothing(...of: Parameters<typeof chainOf>): Certificate[] {
  try {
    return chainOf(...of)
  } catch {
    return [] // Expired or no longer approved: signing reports that.
  }
}

function signingIdentity(member: MemberId, parts: Parts): SigningIdentity {
  const { certificate, intermediates, ocspResponses } = parts
  const method = methodFor(publicKeyOf(certificate))
  return {
    member,
    certificate,
    intermediates,
    ocspResponses,
    method,
    sign: signerOf(parts.privateKey, method),
  }
}

function sameParts(a: Parts, b: Parts): boolean {
  return (
    a.certificate.sha256 === b.certificate.sha256 &&
    a.privateKey === b.privateKey &&
    sameList(a.intermediates, b.intermediates, (x, y) => x.sha256 === y.sha256) &&
    sameList(a.ocspResponses, b.ocspResponses, (x, y) => x.equals(y))
  )
}

function sameList<T>(a: T[], b: T[], same: (x: T, y: T) => boolean): boolean {
  return a.length === b.length && a.every((each, i) => same(each, b[i]!))
}
