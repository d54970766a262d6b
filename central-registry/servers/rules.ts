/** Rules for security servers, their certificates and clients; pure. */
import { isIP } from 'node:net'
import { type Certificate, readCertificate } from '#core/certificate/certificate.ts'
import { checkDemands } from '#core/certificate/subject-profile.ts'
import { isAuthenticationCertificate } from '#core/certificate/usage.ts'
import { validatePath } from '#core/certificate/validate-path.ts'
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import { Fault } from '#schemas/fault.ts'
import { type ClientId, idText, memberOf, type ServerId } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'

const HOST = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/

/**
 * Returns a host name in lower case or an IP address without port, because shared-params has no port. Throws
 * `invalid_input`.
 */
export function checkAddress(address: string): string {
  // A name whose last label is all digits is a mistyped IP address. A zone (fe80::1%eth0) has a meaning only
  // on one machine.
  const isHost = HOST.test(address) && !/(?:^|\.)\d+$/.test(address)
  if ((isIP(address) === 0 || address.includes('%')) && !isHost) {
    throw new Fault('invalid_input', {
      what: say`an address is a host name in lower case or an IP address, without port`,
    })
  }
  return address
}

export type ServerState = 'ABSENT' | 'IN_SERVICE' | 'IN_MAINTENANCE'
/** `refer`: a certificate or client is registered for the server, or its clients are listed. */
export type ServerAct =
  | 'add'
  | 'refer'
  | 'changeAddress'
  | 'startMaintenance'
  | 'endMaintenance'
  | 'changeOwner'
  | 'delete'

const NEXT_SERVER: Record<ServerState, Partial<Record<ServerAct, ServerState>>> = {
  ABSENT: { add: 'IN_SERVICE' },
  IN_SERVICE: {
    ...{ refer: 'IN_SERVICE', changeAddress: 'IN_SERVICE', changeOwner: 'IN_SERVICE' },
    ...{ startMaintenance: 'IN_MAINTENANCE', delete: 'ABSENT' },
  },
  IN_MAINTENANCE: {
    ...{ refer: 'IN_MAINTENANCE', changeAddress: 'IN_MAINTENANCE', changeOwner: 'IN_MAINTENANCE' },
    // Starting it again changes the message.
    ...{ startMaintenance: 'IN_MAINTENANCE', endMaintenance: 'IN_SERVICE', delete: 'ABSENT' },
  },
}

/** `maintenance` is the message for others; null when the server is not in maintenance. */
export function serverState(row: { maintenance: string | null } | undefined): ServerState {
  if (row === undefined) return 'ABSENT'
  return row.maintenance === null ? 'IN_SERVICE' : 'IN_MAINTENANCE'
}

/** The state of the security server `id` after the act. Throws `not_found`, or `conflict` with the reason. */
export function nextServerState(id: string, act: ServerAct, state: ServerState): ServerState {
  const next = NEXT_SERVER[state][act]
  if (next !== undefined) return next
  const what = `the security server ${id}`
  if (state === 'ABSENT') throw new Fault('not_found', { what })
  throw new Fault('conflict', {
    what: act === 'add' ? `${what} exists already` : `${what} is not in maintenance`,
  })
}

/**
 * The relation of a member or subsystem to a security server. The owner is a client of its server without a
 * registration.
 */
export type RegistrationState = 'ABSENT' | 'ENABLED' | 'DISABLED' | 'OWNER'
/**
 * `own`: the client becomes the owner. `handOver`: the owner becomes a client, because another one becomes
 * the owner.
 */
export type RegistrationAct = 'register' | 'enable' | 'disable' | 'delete' | 'own' | 'handOver'

const NEXT_REGISTRATION: Record<RegistrationState, Partial<Record<RegistrationAct, RegistrationState>>> = {
  ABSENT: { register: 'ENABLED' },
  ENABLED: { disable: 'DISABLED', delete: 'ABSENT', own: 'OWNER' },
  DISABLED: { enable: 'ENABLED', delete: 'ABSENT', own: 'OWNER' },
  OWNER: { handOver: 'ENABLED' },
}

export function registrationState(
  q: { server: ServerId; client: ClientId },
  row: { is_disabled: number } | undefined,
): RegistrationState {
  if (idText(q.client) === idText(memberOf(q.server))) return 'OWNER'
  if (row === undefined) return 'ABSENT'
  return Number(row.is_disabled) === 1 ? 'DISABLED' : 'ENABLED'
}

/**
 * The relation of `client` to the server after the act. Throws `not_found`, or `conflict` with the reason.
 */
export function nextRegistrationState(
  client: string,
  act: RegistrationAct,
  state: RegistrationState,
): RegistrationState {
  const next = NEXT_REGISTRATION[state][act]
  if (next !== undefined) return next
  if (state === 'ABSENT') throw new Fault('not_found', { what: say`the client registration of ${client}` })
  throw new Fault('conflict', { what: whyNotRegistered(client, act, state) })
}

function whyNotRegistered(client: string, act: RegistrationAct, state: RegistrationState): string {
  if (act === 'handOver') return `${client} does not own the security server`
  if (state !== 'OWNER') return `the registration of ${client} exists already, ${state.toLowerCase()}`
  if (act === 'own') return `${client} owns the security server already`
  if (act === 'register') return 'the owner is a client of its security server already'
  return 'the owner is a client of its security server as long as it owns it'
}

/** Where an authentication certificate is registered, as seen from one security server. */
export type CertificateState = 'ABSENT' | 'HERE' | 'ELSEWHERE'
export type CertificateAct = 'register' | 'delete'

const NEXT_CERTIFICATE: Record<CertificateState, Partial<Record<CertificateAct, CertificateState>>> = {
  ABSENT: { register: 'HERE' },
  HERE: { delete: 'ABSENT' },
  ELSEWHERE: {},
}

export function certificateState(server: string, row: { server: string } | undefined): CertificateState {
  if (row === undefined) return 'ABSENT'
  return row.server === server ? 'HERE' : 'ELSEWHERE'
}

/**
 * Throws `cert_not_found`, or `conflict` because a certificate may be registered for only one security
 * server.
 */
export function nextCertificateState(
  sha256: string,
  act: CertificateAct,
  state: CertificateState,
): CertificateState {
  const next = NEXT_CERTIFICATE[state][act]
  if (next !== undefined) return next
  if (act === 'delete') throw new Fault('cert_not_found', { what: sha256.slice(0, 64) })
  const where = state === 'HERE' ? 'this' : 'another'
  throw new Fault('conflict', {
    what: say`the certificate ${sha256} is registered for ${where} security server already`,
  })
}

/**
 * Reads an authentication certificate. Throws `incorrect_certificate`, or a fault with the reason, unless an
 * approved CA issued it and it is valid at `at`.
 */
export function checkAuthenticationCertificate(
  bytes: Buffer,
  trust: { anchors: Certificate[]; intermediates: Certificate[] },
  at: Date,
): Certificate {
  const certificate = readCertificate(bytes)
  if (!isAuthenticationCertificate(certificate)) {
    throw new Fault('incorrect_certificate', { what: say`it is not an authentication certificate` })
  }
  validatePath({ certificate, ...trust, at, purpose: 'authentication' })
  return certificate
}

/**
 * The same for a certificate that is to be registered, which must also meet the demands of its CA's profile.
 * Registered certificates are not checked against the demands again, so that a changed profile interrupts no
 * exchange.
 */
export function checkNewCertificate(
  bytes: Buffer,
  approved: Pick<ConfigurationIndex, 'caCertificates' | 'caOf' | 'profileOf'>,
  at: Date,
): Certificate {
  const certificate = checkAuthenticationCertificate(bytes, approved.caCertificates(), at)
  const issuer = approved.caOf(certificate)?.approved
  const profile = issuer && approved.profileOf(issuer.certificateProfileInfo)
  checkDemands(certificate, profile?.authentication.certificate)
  return certificate
}
