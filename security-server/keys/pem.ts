/** Keys and certificates as PEM, the form that Node's TLS needs. */
import type { Certificate } from '#core/certificate/certificate.ts'
import type { TlsIdentity } from './identity.ts'

export function certificatePem({ der }: Certificate): string {
  const lines = der.toString('base64').replace(/.{64}(?=.)/g, '$&\n')
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`
}

/**
 * Key and chain for a TLS context: the certificate and its intermediates, never the root of an approved CA.
 */
export function tlsCredentials(identity: TlsIdentity): { key: string; cert: string } {
  return {
    key: identity.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    cert: [identity.certificate, ...identity.intermediates].map(certificatePem).join(''),
  }
}
