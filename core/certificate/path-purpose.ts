/**
 * Whether a certificate may serve a purpose, and whether the extended key usages of its authorities allow it.
 */
import { OID } from '#core/asn1/oids.ts'
import { type Said, say } from '#schemas/said.ts'
import type { Certificate } from './parse-certificate.ts'
import { isAuthenticationCertificate, isSigningCertificate } from './usage.ts'

export type Purpose = 'authentication' | 'signing' | 'ocsp-responder' | 'time-stamping' | 'ca' | 'any'

// X-Road has no extended key usage for signing. A certificate that lists only these usages may not sign
// messages.
const NOT_FOR_SIGNING: ReadonlySet<string> = new Set([
  OID.serverAuth,
  OID.codeSigning,
  OID.timeStamping,
  OID.ocspSigning,
])

/** Why the last certificate of a path may not serve `purpose`, or undefined. */
export function purposeObjection(certificate: Certificate, purpose: Purpose): Said | undefined {
  const { basicConstraints, keyUsage } = certificate.extensions
  const ca = basicConstraints?.ca === true
  // RFC 5280 4.2.1.9: a certificate whose key may sign certificates must be marked as an authority.
  if (keyUsage?.has('keyCertSign') && !ca) return say`keyCertSign in a certificate that is not a CA`
  if (purpose === 'any') return undefined
  if (purpose === 'ca') return ca ? undefined : say`not the certificate of a CA`
  if (ca) return say`the certificate of a CA where one of a member, server or responder is needed`
  return servesPurpose(certificate, purpose) ? undefined : say`not a certificate for ${purpose}`
}

function servesPurpose(
  certificate: Certificate,
  purpose: 'authentication' | 'signing' | 'ocsp-responder' | 'time-stamping',
): boolean {
  const { extendedKeyUsage, extendedKeyUsageCritical, keyUsage } = certificate.extensions
  const signs = keyUsage === undefined || keyUsage.has('digitalSignature') || keyUsage.has('nonRepudiation')
  switch (purpose) {
    case 'authentication':
      return isAuthenticationCertificate(certificate)
    case 'signing':
      return isSigningCertificate(certificate)
    case 'ocsp-responder':
      // RFC 6960 4.2.2.2: the delegation must be explicit.
      return signs && extendedKeyUsage?.includes(OID.ocspSigning) === true
    case 'time-stamping':
      // RFC 3161 2.3: this must be the only usage, and critical.
      return (
        signs &&
        extendedKeyUsageCritical &&
        extendedKeyUsage?.length === 1 &&
        extendedKeyUsage[0] === OID.timeStamping
      )
  }
}

/**
 * Why the extended key usages on the path (last certificate and authorities together) forbid `purpose`, or
 * undefined.
 */
export function nestedUsageObjection(path: Certificate[], purpose: Purpose): Said | undefined {
  const limits = path.flatMap(({ extensions: { extendedKeyUsage } }) =>
    extendedKeyUsage === undefined || extendedKeyUsage.includes(OID.anyExtendedKeyUsage)
      ? []
      : [extendedKeyUsage],
  )
  return limits.length === 0 || allows(limits, purpose)
    ? undefined
    : say`the extended key usages on the path do not allow ${purpose}`
}

function allows(limits: string[][], purpose: Purpose): boolean {
  const common = (...wanted: string[]): boolean =>
    wanted.some((usage) => limits.every((limit) => limit.includes(usage)))
  switch (purpose) {
    case 'authentication':
      return common(OID.clientAuth, OID.serverAuth)
    case 'signing':
      return limits.every((limit) => limit.some((usage) => !NOT_FOR_SIGNING.has(usage)))
    case 'time-stamping':
      return common(OID.timeStamping)
    case 'ocsp-responder':
      // A CA may answer OCSP for every certificate that it issues, whatever its usages; the responder's own
      // certificate was judged before.
      return true
    case 'ca':
    case 'any':
      return true
  }
}
