/** The module to import for certificates: reading them, their public key, and who issued them. */
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

/**
 * Whether `issuer`'s name and key match this certificate's issuer and signature. Does not check that `issuer`
 * may issue certificates.
 */
export function isIssuedBy(certificate: Certificate, issuer: Certificate): boolean {
  return sameName(certificate.issuer, issuer.subject) && isSignedBy(certificate, issuer)
}
