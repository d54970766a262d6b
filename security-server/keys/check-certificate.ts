/** Decides whether a certificate may be imported for a key, and which member it signs for. */
import { type Certificate, publicKeyOf } from '#core/certificate/certificate.ts'
import { checkDemands, memberOfSigningCertificate } from '#core/certificate/subject-profile.ts'
import { isAuthenticationCertificate, isSigningCertificate } from '#core/certificate/usage.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, type MemberId, memberOf } from '#schemas/identifiers.ts'
import { say, type Word } from '#schemas/said.ts'
import { chainOf } from './identities.ts'
import type { CertificateTrust } from './identity.ts'
import type { StoredKey } from './key-file.ts'

/** The key to whose public half the certificate belongs. Throws `key_not_found`. */
export function keyOf(certificate: Certificate, keys: StoredKey[]): StoredKey {
  const spki = publicKeyOf(certificate).export({ format: 'der', type: 'spki' })
  const found = keys.find((key) => key.spki.equals(spki))
  if (found === undefined) throw new Fault('key_not_found', { what: say`no key belongs to this certificate` })
  return found
}

/**
 * Checks usage, path and member. Returns the member of a signing certificate, undefined for an authentication
 * certificate. Throws `incorrect_certificate`, `cert_validation`, `invalid_cert_path` or `unknown_member`.
 */
export function checkCertificate(
  certificate: Certificate,
  key: StoredKey,
  trust: CertificateTrust,
  at: Date,
): MemberId | undefined {
  const signing = key.usage === 'SIGNING'
  if (signing !== isSigningCertificate(certificate)) {
    throw refused(say`the key is for ${key.usage}, the certificate is not`)
  }
  if (!signing && !isAuthenticationCertificate(certificate)) {
    throw refused(say`the certificate does not allow authentication`)
  }
  chainOf(certificate, key.usage, trust, at)
  const approved = trust.caOf(certificate)?.approved
  const profile = approved && trust.profileOf(approved.certificateProfileInfo)
  if (!signing) {
    checkDemands(certificate, profile?.authentication.certificate)
    return undefined
  }
  if (approved === undefined || approved.authenticationOnly) {
    throw refused(say`the CA is not approved for signing certificates`)
  }
  const known = profile ?? approved.certificateProfileInfo
  const subject = memberOfSigningCertificate(certificate, known, trust.instance)
  const member = memberOf(subject)
  const asked = key.requests.map((request) => request.member).filter((each) => each !== undefined)
  if (asked.length > 0 && !asked.some((each) => idText(each) === idText(member))) {
    throw refused(say`the certificate is for ${idText(member)}, which was not asked for`)
  }
  if (!trust.isRegistered(member)) throw new Fault('unknown_member', { what: idText(member) })
  return member
}

function refused(what: Word): Fault {
  return new Fault('incorrect_certificate', { what })
}
