/**
 * Finds and judges a path from a certificate to a trust anchor (RFC 5280 section 6). Own code, because
 * libraries accept paths that must be refused. Work is bounded for every input: depth, candidates, signature
 * checks, paths.
 */
import { Fault } from '#schemas/fault.ts'
import { say, type Word } from '#schemas/said.ts'
import { authorityObjection, certificateObjection, pathObjection } from './check-path.ts'
import { sameName } from './name.ts'
import type { Certificate } from './parse-certificate.ts'
import { type Purpose, purposeObjection } from './path-purpose.ts'
import { isSignedBy } from './verify-signature.ts'

/** `authorities`: the issuer and the authorities above it on this path, all judged already. */
export type RevocationCheck = (
  certificate: Certificate,
  issuer: Certificate,
  authorities: Certificate[],
) => void

export type PathQuestion = {
  certificate: Certificate
  /**
   * Authorities between certificate and anchor, in any order, from the configuration and from the message.
   */
  intermediates: Certificate[]
  /** Trusted without their signature (X-Road's approved CAs); everything else about them is checked. */
  anchors: Certificate[]
  at: Date
  purpose: Purpose
  /** Called for each certificate below the anchor, authorities first; throws a Fault to refuse. */
  checkRevocation?: RevocationCheck
}

const MAX_INTERMEDIATES = 4
const MAX_CANDIDATES = 10
const MAX_SIGNATURE_CHECKS = 64
const MAX_PATHS = 16

type Search = {
  question: PathQuestion
  checked: Map<string, boolean>
  paths: number
  /** Why the last candidate was refused. */
  refusal: Fault
  /**
   * What checkRevocation threw. It is thrown in preference to `refusal`, since that path was sound otherwise.
   */
  revocation: Fault | undefined
}

/**
 * A path that RFC 5280 accepts at `at` for `purpose`: the certificate first, the anchor last. Throws
 * `cert_validation` when the certificate or the last candidate path is refused, `invalid_cert_path` when no
 * path leads to an anchor, or what `checkRevocation` threw.
 */
export function validatePath(question: PathQuestion): Certificate[] {
  const { certificate, anchors, at, purpose } = question
  const objection = certificateObjection(certificate, at) ?? purposeObjection(certificate, purpose)
  if (objection !== undefined) throw new Fault('cert_validation', { what: objection })
  if (anchors.some((anchor) => anchor.sha256 === certificate.sha256)) return [certificate]
  const refusal = new Fault('invalid_cert_path', { what: say`no approved CA leads to the issuer` })
  const search: Search = { question, checked: new Map(), paths: 0, refusal, revocation: undefined }
  const path = extend(search, [certificate])
  if (path === undefined) throw search.revocation ?? search.refusal
  return path
}

/** Searches depth first: tries the anchors with the issuer's name, then the intermediates with that name. */
function extend(search: Search, path: Certificate[]): Certificate[] | undefined {
  const { anchors, intermediates } = search.question
  for (const anchor of candidates(anchors, path)) {
    if (!mayIssue(search, path.at(-1)!, anchor)) continue
    const complete = [...path, anchor]
    if (isAccepted(search, complete)) return complete
  }
  if (path.length > MAX_INTERMEDIATES) return undefined
  for (const authority of candidates(intermediates, path)) {
    if (anchors.some((anchor) => anchor.sha256 === authority.sha256)) continue
    if (!mayIssue(search, path.at(-1)!, authority)) continue
    const found = extend(search, [...path, authority])
    if (found !== undefined) return found
  }
  return undefined
}

/**
 * The certificates with the issuer's name that are not on the path yet; those that match the key identifier
 * come first.
 */
function candidates(from: Certificate[], path: Certificate[]): Certificate[] {
  const below = path.at(-1)!
  const named = from.filter(
    (candidate) =>
      sameName(candidate.subject, below.issuer) && !path.some((on) => isSameEntity(on, candidate)),
  )
  const wanted = below.extensions.authorityKeyIdentifier?.keyIdentifier
  const fits = ({ extensions: { subjectKeyIdentifier: id } }: Certificate): boolean =>
    wanted !== undefined && id?.equals(wanted) === true
  return [...named.filter(fits), ...named.filter((candidate) => !fits(candidate))].slice(0, MAX_CANDIDATES)
}

/** Same name and same key: a second such certificate would make a cycle and prove nothing. */
function isSameEntity(a: Certificate, b: Certificate): boolean {
  return a === b || (a.spki.equals(b.spki) && sameName(a.subject, b.subject))
}

function mayIssue(search: Search, certificate: Certificate, issuer: Certificate): boolean {
  const objection = authorityObjection(issuer, search.question.at)
  if (objection !== undefined) {
    refuse(search, objection)
    return false
  }
  const key = `${certificate.sha256} ${issuer.sha256}`
  let signed = search.checked.get(key)
  if (signed === undefined) {
    if (search.checked.size >= MAX_SIGNATURE_CHECKS) {
      throw new Fault('invalid_cert_path', { what: say`too many signatures to check` })
    }
    signed = isSignedBy(certificate, issuer)
    search.checked.set(key, signed)
  }
  if (!signed) refuse(search, say`a signature that does not verify or does not count`)
  return signed
}

function isAccepted(search: Search, path: Certificate[]): boolean {
  if (++search.paths > MAX_PATHS) throw new Fault('invalid_cert_path', { what: say`too many paths` })
  const objection = pathObjection(path, search.question.purpose)
  if (objection !== undefined) {
    refuse(search, objection)
    return false
  }
  return isUnrevoked(search, path)
}

function isUnrevoked(search: Search, path: Certificate[]): boolean {
  const { checkRevocation } = search.question
  if (checkRevocation === undefined) return true
  try {
    for (let at = path.length - 2; at >= 0; at--)
      checkRevocation(path[at]!, path[at + 1]!, path.slice(at + 1))
    return true
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    search.revocation = thrown
    return false
  }
}

function refuse(search: Search, what: Word): void {
  search.refusal = new Fault('cert_validation', { what })
}
