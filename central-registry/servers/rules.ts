/** What holds for security servers, their certificates and clients; pure. */
import { isIP } from 'node:net'
import { type Certificate, readCertificate } from '#core/certificate/certificate.ts'
import { isAuthenticationCertificate } from '#core/certificate/usage.ts'
import { validatePath } from '#core/certificate/validate-path.ts'
import { Fault } from '#schemas/fault.ts'
import { checkCode, type ServerId } from '#schemas/identifiers.ts'

const HOST = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/

/** A host name in lower case or an IP address, without port: shared-params holds none. */
export function checkAddress(address: string): string {
  if (isIP(address) === 0 && !HOST.test(address)) {
    throw new Fault('invalid_input', {
      what: 'an address is a host name in lower case or an IP address, without port',
    })
  }
  return address
}

/** The server id of "INSTANCE:CLASS:CODE:SERVERCODE" in our instance. */
export function serverOf(encoded: string, instance: string): ServerId {
  const parts = encoded.split(':').map(checkCode)
  if (parts.length !== 4 || parts[0] !== instance) {
    throw new Fault('invalid_input', { what: `a server id is ${instance}:CLASS:CODE:SERVERCODE` })
  }
  const [, memberClass, memberCode, serverCode] = parts as [string, string, string, string]
  return { instance, memberClass, memberCode, serverCode }
}

/** An authentication certificate that an approved CA issued and that is valid at `at`; else a fault that says why not. */
export function checkAuthenticationCertificate(
  bytes: Buffer,
  trust: { anchors: Certificate[]; intermediates: Certificate[] },
  at: Date,
): Certificate {
  const certificate = readCertificate(bytes)
  if (!isAuthenticationCertificate(certificate)) {
    throw new Fault('incorrect_certificate', { what: 'it is not an authentication certificate' })
  }
  validatePath({ certificate, ...trust, at, purpose: 'authentication' })
  return certificate
}
