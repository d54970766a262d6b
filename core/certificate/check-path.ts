/** Judges a complete path from an anchor to a certificate by RFC 5280 section 6.1, except for signatures. */
import { OID } from '#core/asn1/oids.ts'
import { type Said, say } from '#schemas/said.ts'
import { neglectedDuty, neglectedLink } from './issuer-duties.ts'
import { isStrongKey } from './key-strength.ts'
import { sameName } from './name.ts'
import { type ConstraintState, constrain, nameObjection } from './name-constraints.ts'
import type { Certificate } from './parse-certificate.ts'
import { endPolicies, enterPolicies, leavePolicies, startPolicies } from './path-policies.ts'
import { nestedUsageObjection, type Purpose } from './path-purpose.ts'
import { publicKeyOf } from './public-key.ts'

/** Why a certificate cannot be part of any path at `at`, whatever its position; undefined if it can. */
export function certificateObjection(certificate: Certificate, at: Date): Said | undefined {
  const { notBefore, notAfter, subject, extensions } = certificate
  // Written so that an invalid date (NaN) is refused.
  if (!(at >= notBefore)) return say`not valid yet`
  if (!(at <= notAfter)) return say`expired`
  if (extensions.unknownCritical.length > 0) return say`critical extension ${extensions.unknownCritical[0]!}`
  if (!isStrongKey(publicKeyOf(certificate))) return say`a key that is too weak or of an unknown kind`
  if (subject.rdns.length === 0 && !extensions.all.get(OID.subjectAltName)?.critical) return say`no subject`
  return neglectedDuty(certificate)
}

/**
 * Why a certificate cannot issue others (6.1.4 k, n), or undefined. Without basicConstraints it is not a CA.
 */
export function authorityObjection(certificate: Certificate, at: Date): Said | undefined {
  const { basicConstraints, keyUsage } = certificate.extensions
  if (basicConstraints?.ca !== true) return say`an issuer that is not a CA`
  if (keyUsage !== undefined && !keyUsage.has('keyCertSign'))
    return say`an issuer that may not sign certificates`
  if (certificate.subject.rdns.length === 0) return say`an issuer without a name`
  const objection = certificateObjection(certificate, at)
  return objection && say`an issuer: ${objection}`
}

/**
 * Why the path as a whole is refused, or undefined: path length, name constraints, policies, extended key
 * usage. `path` begins with the certificate and ends with the anchor, whose own limits count too (RFC 5937).
 */
export function pathObjection(path: Certificate[], purpose: Purpose): Said | undefined {
  const [anchor, ...below] = path.toReversed() as [Certificate, ...Certificate[]]
  return lengthObjection(anchor, below) ?? walk(anchor, below) ?? nestedUsageObjection(path, purpose)
}

/** 6.1.4 (l), (m): each authority that is not self-issued uses up one step of every limit above it. */
function lengthObjection(anchor: Certificate, below: Certificate[]): Said | undefined {
  let left = anchor.extensions.basicConstraints?.pathLength ?? below.length
  for (const authority of below.slice(0, -1)) {
    if (!isSelfIssued(authority)) left--
    if (left < 0) return say`longer than an authority allows`
    left = Math.min(left, authority.extensions.basicConstraints?.pathLength ?? left)
  }
  return undefined
}

function walk(anchor: Certificate, below: Certificate[]): Said | undefined {
  let names: ConstraintState = constrain({ permitted: [], excluded: [] }, anchor)
  const policies = startPolicies(below.length)
  for (const [at, certificate] of below.entries()) {
    const last = at === below.length - 1
    const selfIssued = isSelfIssued(certificate)
    const objection =
      neglectedLink(certificate, below[at - 1] ?? anchor) ??
      (selfIssued && !last ? undefined : nameObjection(certificate, names)) ??
      enterPolicies(policies, certificate, { last, selfIssued }) ??
      (last ? endPolicies(policies, certificate) : leavePolicies(policies, certificate, selfIssued))
    if (objection !== undefined) return objection
    names = constrain(names, certificate)
  }
  return undefined
}

function isSelfIssued(certificate: Certificate): boolean {
  return sameName(certificate.issuer, certificate.subject)
}
