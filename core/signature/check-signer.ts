/**
 * Checks whether, by the configuration, this certificate may sign for a member at a given time: usage,
 * subject, path, status.
 */
import { type Certificate, readCertificate } from '#core/certificate/certificate.ts'
import { verifyOcspResponse } from '#core/certificate/ocsp-response.ts'
import { memberOfSigningCertificate } from '#core/certificate/subject-profile.ts'
import { isSigningCertificate } from '#core/certificate/usage.ts'
import { validatePath } from '#core/certificate/validate-path.ts'
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import type { IssuingCa } from '#core/configuration/index-trust.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, type MemberId } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { checkStatusAt } from './check-status.ts'
import type { CheckedSignature } from './checked-signature.ts'

type SignerQuestion = {
  signature: Pick<CheckedSignature, 'certificate' | 'certificates' | 'ocspResponses'>
  configuration: ConfigurationIndex
  at: Date
  /** The member that claims to have signed; for a subsystem, its member. */
  member: MemberId
  /**
   * X-Road's management requests contain the OCSP answer of the signer only. Otherwise every certificate
   * below the CA needs one.
   */
  signerStatusOnly?: boolean
  /**
   * For evidence: further OCSP answers, and the time of judging. Answers made after `at` then count too, and
   * one that reports a revocation before `at` prevails over all others (check-status.ts).
   */
  kept?: { ocspResponses: Buffer[]; now: Date }
  /** Whether an OCSP answer expires at its nextUpdate; X-Road's setting, true by default. */
  checkNextUpdate?: boolean
}

type TrustedSigner = {
  /** The signer first, the approved CA last. */
  chain: Certificate[]
  /** Until when this verdict is valid with this configuration. */
  validUntil: Date
  member: MemberId
}

/**
 * Throws `malformed_signature` for a certificate that is not for signing (as X-Road does),
 * `invalid_cert_path` for an issuer that is not approved, `incorrect_certificate` for another member's
 * certificate, `cert_validation` for a path that is refused, and `incorrect_validation_info` unless a fresh
 * OCSP answer says "good" for every certificate below the approved CA.
 */
export function checkSigner(q: SignerQuestion): TrustedSigner {
  const { certificate, certificates } = q.signature
  if (!isSigningCertificate(certificate)) {
    throw new Fault('malformed_signature', { what: say`the certificate is not for signing` })
  }
  const issuer = q.configuration.caOf(certificate)
  if (issuer === undefined || issuer.approved.authenticationOnly) {
    throw new Fault('invalid_cert_path', { what: say`the issuer of the signing certificate is not approved` })
  }
  const { certificateProfileInfo } = issuer.approved
  const profile = q.configuration.profileOf(certificateProfileInfo) ?? certificateProfileInfo
  const member = memberOfSigningCertificate(certificate, profile, q.configuration.instance)
  if (idText(member) !== idText(memberOnly(q.member))) {
    throw new Fault('incorrect_certificate', {
      what: say`the certificate is of ${idText(member)}, the message of ${idText(memberOnly(q.member))}`,
    })
  }
  const { anchors, intermediates } = q.configuration.caCertificates({ forSigning: true })
  let validUntil = Number.POSITIVE_INFINITY
  const chain = validatePath({
    certificate,
    intermediates: [...intermediates, ...certificates],
    anchors,
    at: q.at,
    purpose: 'signing',
    checkRevocation: (subject, by) => {
      if (q.signerStatusOnly === true && subject.sha256 !== certificate.sha256) return
      if (q.kept === undefined) validUntil = Math.min(validUntil, goodUntil(q, subject, by))
      else checkStatusAt({ ...statusQuestion(q, q.kept), certificate: subject, issuer: by })
    },
  })
  checkSameCa(chain, issuer)
  for (const one of chain) validUntil = Math.min(validUntil, one.notAfter.getTime())
  return { chain, validUntil: new Date(validUntil), member }
}

/**
 * The CA was found by its name, and its profile decides which member the certificate belongs to. Otherwise
 * another approved CA could certify a CA of the same name, and so have certificates read by a profile that is
 * not its own.
 */
function checkSameCa(chain: Certificate[], { ca, approved }: IssuingCa): void {
  if (chain[1]?.spki.equals(ca.spki)) return
  if (chain.at(-1)!.sha256 === readCertificate(approved.topCa.cert).sha256) return
  throw new Fault('invalid_cert_path', { what: say`the issuer only has the name of an approved CA` })
}

function memberOnly({ instance, memberClass, memberCode }: MemberId): MemberId {
  return { instance, memberClass, memberCode }
}

function statusQuestion(
  { signature, configuration, at }: SignerQuestion,
  { ocspResponses, now }: NonNullable<SignerQuestion['kept']>,
) {
  const { ocspFreshnessSeconds: freshnessSeconds } = configuration
  return {
    responses: [...signature.ocspResponses, ...ocspResponses],
    configuration,
    at,
    now,
    freshnessSeconds,
  }
}

/** Until when an OCSP answer in the signature says that the certificate is good; throws if none does. */
function goodUntil(q: SignerQuestion, certificate: Certificate, issuer: Certificate): number {
  let refusal = new Fault('incorrect_validation_info', { what: say`the signature holds no OCSP answer` })
  for (const response of q.signature.ocspResponses) {
    try {
      const verdict = verifyOcspResponse({
        response,
        certificate,
        issuer,
        responders: q.configuration.caOf(certificate)?.responders ?? [],
        at: q.at,
        freshnessSeconds: q.configuration.ocspFreshnessSeconds,
        checkNextUpdate: q.checkNextUpdate ?? true,
      })
      return verdict.validUntil.getTime()
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown
      // The fault of an answer about this certificate is more helpful than that of an answer about another
      // one.
      if (!isAboutAnother(thrown)) refusal = thrown
    }
  }
  throw refusal
}

function isAboutAnother(fault: Fault): boolean {
  return fault.what?.endsWith('it is about another certificate') === true
}
