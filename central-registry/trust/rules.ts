/** Rules for approved certification services and time-stamping services; pure. */
import { builtInProfile } from '#core/certificate/built-in-profiles.ts'
import { type Certificate, isIssuedBy, readCertificate } from '#core/certificate/certificate.ts'
import { Fault } from '#schemas/fault.ts'
import type { AcmeServer } from '#schemas/global-configuration.ts'
import { say } from '#schemas/said.ts'

/** Reads a certificate in DER or PEM. Throws `cert_validation` unless it is valid at `at`. */
export function checkValid(bytes: Buffer, at: Date): Certificate {
  const certificate = readCertificate(bytes)
  if (at < certificate.notBefore || at > certificate.notAfter)
    throw new Fault('cert_validation', { what: say`it is not valid now` })
  return certificate
}

/** Reads a CA certificate. Throws as `checkValid`, and `incorrect_certificate` unless it is a CA's. */
export function checkCa(bytes: Buffer, at: Date): Certificate {
  const certificate = checkValid(bytes, at)
  const { basicConstraints, keyUsage } = certificate.extensions
  if (basicConstraints?.ca !== true || keyUsage?.has('keyCertSign') === false) {
    throw new Fault('incorrect_certificate', {
      what: say`it is not the certificate of a certification authority`,
    })
  }
  return certificate
}

/**
 * Throws `invalid_cert_path` unless one of the `authorities` (DER) of its certification service issued the
 * intermediate CA.
 */
export function checkIssued(intermediate: Certificate, authorities: Buffer[]): void {
  if (!authorities.some((authority) => isIssuedBy(intermediate, readCertificate(authority)))) {
    throw new Fault('invalid_cert_path', { what: say`no authority of this certification service issued it` })
  }
}

/** Returns an http or https URL without credentials and fragment. Throws `invalid_input`. */
export function checkUrl(text: string): string {
  // Only characters that a URL may contain: the parser would drop line breaks and trim spaces.
  const url = /^[\x21-\x7e]{1,500}$/.test(text) ? URL.parse(text) : null
  const isPlain =
    url !== null &&
    /^https?:$/.test(url.protocol) &&
    url.username === '' &&
    url.password === '' &&
    !text.includes('#')
  if (!isPlain) throw new Fault('invalid_input', { what: say`an http or https URL is needed` })
  return text
}

/**
 * Returns the ACME server of a CA. Throws `invalid_input` unless its directory has an https URL (RFC 8555
 * 6.1).
 */
export function checkAcmeServer(given: AcmeServer): AcmeServer {
  if (!checkUrl(given.directoryUrl).startsWith('https://'))
    throw new Fault('invalid_input', { what: say`the directory of an ACME server has an https address` })
  return given
}

/**
 * Returns the class name of a certificate profile in the form that shared-params has. Throws `invalid_input`.
 */
export function checkProfile(name: string): string {
  if (!/^[A-Za-z][\w.]{0,254}$/.test(name))
    throw new Fault('invalid_input', { what: say`the certificate profile is a Java class name` })
  return name
}

/**
 * Throws `invalid_input` for a profile that is neither one of X-Road's classes nor one of the instance's
 * `own`: servers would reject every certificate of its CA. An import accepts such a profile with a warning,
 * because the imported instance runs already.
 */
export function checkProfileKnown(name: string, own: string[]): void {
  if (isProfileKnown(name, own)) return
  throw new Fault('invalid_input', {
    what: say`nobody here knows the certificate profile ${name}: add it first, or name one of X-Road's classes`,
  })
}

export function isProfileKnown(name: string, own: string[]): boolean {
  return builtInProfile(name) !== undefined || own.includes(name)
}

export type ServiceState = 'ABSENT' | 'APPROVED'
/** `extend`: an intermediate CA is added or removed. */
export type ServiceAct = 'approve' | 'extend' | 'withdraw'

const NEXT_SERVICE: Record<ServiceState, Partial<Record<ServiceAct, ServiceState>>> = {
  ABSENT: { approve: 'APPROVED' },
  APPROVED: { extend: 'APPROVED', withdraw: 'ABSENT' },
}

/**
 * The state of a certification or time-stamping service after the act. Throws `not_found`, or `conflict` when
 * it is approved already.
 */
export function nextServiceState(what: string, act: ServiceAct, q: { isApproved: boolean }): ServiceState {
  const state = q.isApproved ? 'APPROVED' : 'ABSENT'
  const next = NEXT_SERVICE[state][act]
  if (next !== undefined) return next
  if (state === 'ABSENT') throw new Fault('not_found', { what })
  throw new Fault('conflict', { what: say`${what} is approved already` })
}

/** The role of a CA certificate, as seen from one certification service. */
export type AuthorityState = 'ABSENT' | 'TOP' | 'INTERMEDIATE' | 'ELSEWHERE'
/** `found`: the service is approved with this CA as its top CA. */
export type AuthorityAct = 'found' | 'add' | 'remove'

const NEXT_AUTHORITY: Record<AuthorityState, Partial<Record<AuthorityAct, AuthorityState>>> = {
  ABSENT: { found: 'TOP', add: 'INTERMEDIATE' },
  // A certification service needs its top CA, which is removed together with the service.
  TOP: {},
  INTERMEDIATE: { remove: 'ABSENT' },
  ELSEWHERE: {},
}

export function authorityState(
  service: number | undefined,
  row: { service: number; is_top: number } | undefined,
): AuthorityState {
  if (row === undefined) return 'ABSENT'
  if (row.service !== service) return 'ELSEWHERE'
  return Number(row.is_top) === 1 ? 'TOP' : 'INTERMEDIATE'
}

/**
 * Throws `not_found`, or `conflict`: a CA belongs to only one service, and a top CA can only be removed with
 * its service.
 */
export function nextAuthorityState(sha256: string, act: AuthorityAct, state: AuthorityState): AuthorityState {
  const next = NEXT_AUTHORITY[state][act]
  if (next !== undefined) return next
  if (act !== 'remove') {
    const where = state === 'ELSEWHERE' ? 'another certification service' : 'this certification service'
    throw new Fault('conflict', {
      what: say`the certification authority ${sha256} belongs to ${where} already`,
    })
  }
  if (state !== 'TOP') throw new Fault('not_found', { what: say`the intermediate CA ${sha256}` })
  throw new Fault('conflict', {
    what: say`it is the top CA of its certification service: withdraw the service`,
  })
}
