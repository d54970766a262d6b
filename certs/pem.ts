/** Certificates as PEM text. */
import type { Certificate } from '#core/certificate/certificate.ts'

export function pemOf(certificate: Certificate): string {
  const lines = certificate.der.toString('base64').match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}
