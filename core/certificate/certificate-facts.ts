/** The facts of a certificate that our APIs and pages show. */

import type { Time } from '#schemas/sent-values.ts'
import { readCertificate } from './certificate.ts'
import { readableName } from './name.ts'

export type CertificateFacts = {
  sha256: string
  subject: string
  issuer: string
  notBefore: Time
  notAfter: Time
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
