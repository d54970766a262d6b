/** How X-Road recognises authentication and signing certificates (CertUtils.isAuthCert and isSigningCert). */
import { OID } from '#core/asn1/oids.ts'
import type { Certificate } from './parse-certificate.ts'

/** EKU clientAuth, or key usage digitalSignature, keyEncipherment or dataEncipherment. */
export function isAuthenticationCertificate(certificate: Certificate): boolean {
  const { extendedKeyUsage, keyUsage } = certificate.extensions
  if (extendedKeyUsage?.includes(OID.clientAuth)) return true
  if (keyUsage === undefined) return false
  return (
    keyUsage.has('digitalSignature') || keyUsage.has('keyEncipherment') || keyUsage.has('dataEncipherment')
  )
}

/** Key usage nonRepudiation. */
export function isSigningCertificate(certificate: Certificate): boolean {
  return certificate.extensions.keyUsage?.has('nonRepudiation') ?? false
}
