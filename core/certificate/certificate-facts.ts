/** What people read of a certificate, as every answer that holds one says it. */
import { readCertificate } from './certificate.ts'
import { readableName } from './name.ts'

export type CertificateFacts = {
  sha256: string
  subject: string
  issuer: string
  notBefore: string
  notAfter: string
}

/** Of DER or PEM. Throws `incorrect_certificate` for what is no certificate. */
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
