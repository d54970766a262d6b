/** What holds for security servers, their certificates and clients; pure. */
import { isIP } from 'node:net'
import { type Certificate, readCertificate } from '#core/certificate/certificate.ts'
import { isAuthenticationCertificate } from '#core/certificate/usage.ts'
import { validatePath } from '#core/certificate/validate-path.ts'
import { Fault } from '#schemas/fault.ts'
import {
  type ClientId,
  checkCode,
  idText,
  memberOf,
  parseServerId,
  type ServerId,
} from '#schemas/identifiers.ts'

const HOST = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/

/** A host name in lower case or an IP address, without port: shared-params holds none. */
export function checkAddress(address: string): string {
  // All digits at the end: a mistyped IP address. A zone (fe80::1%eth0) means something on one machine only.
  const isHost = HOST.test(address) && !/(?:^|\.)\d+$/.test(address)
  if ((isIP(address) === 0 || address.includes('%')) && !isHost) {
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

/** "A:B:C:D" for a server's id in its text form. */
export function encodedServer(text: string): string {
  const { instance, memberClass, memberCode, serverCode } = parseServerId(text)
  return [instance, memberClass, memberCode, serverCode].join(':')
}

/** The owner is a client of its server by being the owner; registered as well it would stand there twice. */
export function checkNotOwner(server: ServerId, client: ClientId): void {
  if (idText(client) === idText(memberOf(server)))
    throw new Fault('conflict', { what: 'the owner is a client of its security server already' })
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
