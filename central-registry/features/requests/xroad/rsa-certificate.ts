/**
 * Gives the listener for the management security server an RSA certificate next to its own: the proxy of
 * X-Road's security server, which makes these calls, offers TLS 1.2 and RSA suites only. Each caller is shown
 * the one that it can verify.
 */
import { X509Certificate } from 'node:crypto'
import type { ServerOptions } from 'node:https'
import { createSecureContext } from 'node:tls'
import { isStrongKey } from '#core/certificate/key-strength.ts'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { readPem } from '#platform/http-service/listener-tls.ts'
import { Fault } from '#schemas/fault.ts'

export type RsaFiles = { rsaCertificateFile?: string | undefined; rsaKeyFile?: string | undefined }

/** JSON Schema of the two files; each requires the other. */
export const rsaFiles = {
  rsaCertificateFile: {
    type: 'string',
    'x-path': true,
    description: 'PEM certificate with an RSA key, for a management security server of X-Road',
  },
  rsaKeyFile: { type: 'string', 'x-path': true, description: 'PEM key of that certificate, mode 0600' },
} as const

/**
 * Of the suites with RSA that X-Road offers, the two with an ephemeral key on a curve and authenticated
 * encryption.
 */
const CIPHERS = [
  ...['TLS_AES_256_GCM_SHA384', 'TLS_AES_128_GCM_SHA256', 'TLS_CHACHA20_POLY1305_SHA256'],
  ...['ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-AES128-GCM-SHA256'],
  ...['ECDHE-RSA-AES256-GCM-SHA384', 'ECDHE-RSA-AES128-GCM-SHA256'],
].join(':')

/**
 * Throws `invalid_configuration` unless the files are a pair with a strong RSA key, and the listener's own
 * pair has another one.
 */
export async function withRsaCertificate(
  https: ServerOptions & { cert: Buffer; key: string },
  { rsaCertificateFile, rsaKeyFile }: RsaFiles,
): Promise<ServerOptions> {
  if (rsaCertificateFile === undefined || rsaKeyFile === undefined) return { ...https, ciphers: CIPHERS }
  const [cert, key] = [await readPem(rsaCertificateFile), await readSecret(rsaKeyFile)]
  check(cert, key)
  if (hasRsaKey(https.cert))
    throw invalid('managementService.certificateFile has an RSA key itself: leave rsaCertificateFile out')
  return { ...https, cert: [https.cert, cert], key: [https.key, key], ciphers: CIPHERS }
}

/** Whether an X-Road security server can call a listener with these settings. */
export function isForXRoad(certificate: Buffer, { rsaCertificateFile }: RsaFiles): boolean {
  return rsaCertificateFile !== undefined || hasRsaKey(certificate)
}

function check(cert: Buffer, key: string): void {
  const wrong =
    'managementService.rsaCertificateFile and rsaKeyFile are no pair of RSA with at least 2048 bits'
  try {
    // Throws for a key that is not the certificate's.
    createSecureContext({ cert, key })
  } catch (cause) {
    throw new Fault('invalid_configuration', { what: wrong, cause })
  }
  if (!hasRsaKey(cert) || !isStrongKey(new X509Certificate(cert).publicKey)) throw invalid(wrong)
}

function hasRsaKey(pem: Buffer): boolean {
  return new X509Certificate(pem).publicKey.asymmetricKeyType === 'rsa'
}

function invalid(what: string): Fault {
  return new Fault('invalid_configuration', { what })
}
