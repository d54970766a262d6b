/** The facts of a certificate that our APIs and pages show. */
import { readCertificate } from './certificate.ts'
import { readableName } from './name.ts'

export type CertificateFacts = {
  sha256: string
  subject: string
  issuer: string
  notBefore: string
  notAfter: string
}

/** Reads DER or PEM. Throws `malformed_certificate` for anything else. */
export function certificateFacts(bytes: Buffer): CertificateFacts {
  const { sha256, subject, issuer, notBefore, notAfter } = readCertificate(bytes)
  return {
    sha256,
    subject: readableName(subject),
    issuer: readableName(issuer),
    notBefore: notBefore.toISOString(),
    notAfter: notAfter.toISOString(),
  }
}
