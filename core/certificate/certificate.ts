/** Certificates as the rest of the project meets them: read, their key, and who made them. */
import { sameName } from './name.ts'
import type { Certificate } from './parse-certificate.ts'
import { isSignedBy } from './verify-signature.ts'

export {
  type AlgorithmIdentifier,
  type Certificate,
  parseCertificate,
  readAlgorithmIdentifier,
} from './parse-certificate.ts'
export { publicKeyOf } from './public-key.ts'
export { readCertificate } from './read-certificate.ts'
export { isSignedBy } from './verify-signature.ts'

/** Whether `issuer`'s name and key made this certificate. Says nothing about whether it was allowed to. */
export function isIssuedBy(certificate: Certificate, issuer: Certificate): boolean {
  return sameName(certificate.issuer, issuer.subject) && isSignedBy(certificate, issuer)
}
