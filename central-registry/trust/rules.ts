/** What holds for approved certification services and time-stamping services; pure. */
import { builtInProfile } from '#core/certificate/built-in-profiles.ts'
import { type Certificate, isIssuedBy, readCertificate } from '#core/certificate/certificate.ts'
import { Fault } from '#schemas/fault.ts'

/** A certificate that is valid at `at`, in DER or PEM. */
export function checkValid(bytes: Buffer, at: Date): Certificate {
  const certificate = readCertificate(bytes)
  if (at < certificate.notBefore || at > certificate.notAfter)
    throw new Fault('cert_validation', { what: 'it is not valid now' })
  return certificate
}

/** A CA certificate that is valid at `at`. */
export function checkCa(bytes: Buffer, at: Date): Certificate {
  const certificate = checkValid(bytes, at)
  const { basicConstraints, keyUsage } = certificate.extensions
  if (basicConstraints?.ca !== true || keyUsage?.has('keyCertSign') === false) {
    throw new Fault('incorrect_certificate', {
      what: 'it is not the certificate of a certification authority',
    })
  }
  return certificate
}

/** Throws unless one of the `authorities` (DER) of its certification service issued the intermediate CA. */
export function checkIssued(intermediate: Certificate, authorities: Buffer[]): void {
  if (!authorities.some((authority) => isIssuedBy(intermediate, readCertificate(authority)))) {
    throw new Fault('invalid_cert_path', { what: 'no authority of this certification service issued it' })
  }
}

/** An http or https URL without credentials or fragment. */
export function checkUrl(text: string): string {
  // Only what stands in a URL as it is: the parser drops line breaks and trims.
  const url = /^[\x21-\x7e]{1,500}$/.test(text) ? URL.parse(text) : null
  const isPlain =
    url !== null &&
    /^https?:$/.test(url.protocol) &&
    url.username === '' &&
    url.password === '' &&
    !text.includes('#')
  if (!isPlain) throw new Fault('invalid_input', { what: 'an http or https URL is needed' })
  return text
}

/** A certificate class name of X-Road's profiles, as shared-params carries it. */
export function checkProfile(name: string): string {
  if (!/^[A-Za-z][\w.]{0,254}$/.test(name))
    throw new Fault('invalid_input', { what: 'the certificate profile is a Java class name' })
  return name
}

/**
 * Throws `invalid_input` for a profile that neither a class of X-Road's nor one of the instance's `own` is: every certificate of
 * its CA would be refused. An import takes it all the same, for the instance runs already; then it is shown as a warning.
 */
export function checkProfileKnown(name: string, own: string[]): void {
  if (isProfileKnown(name, own)) return
  throw new Fault('invalid_input', {
    what: `nobody here knows the certificate profile ${name}: add it first, or name one of X-Road's classes`,
  })
}

export function isProfileKnown(name: string, own: string[]): boolean {
  return builtInProfile(name) !== undefined || own.includes(name)
}

export type ServiceState = 'ABSENT' | 'APPROVED'
/** `extend`: an intermediate CA is added or taken away. */
export type ServiceAct = 'approve' | 'extend' | 'withdraw'

const NEXT_SERVICE: Record<ServiceState, Partial<Record<ServiceAct, ServiceState>>> = {
  ABSENT: { approve: 'APPROVED' },
  APPROVED: { extend: 'APPROVED', withdraw: 'ABSENT' },
}

/** For certification services and time-stamping services; throws `not_found`, or `conflict` for one that is approved already. */
export function nextServiceState(what: string, act: ServiceAct, q: { isApproved: boolean }): ServiceState {
  const state = q.isApproved ? 'APPROVED' : 'ABSENT'
  const next = NEXT_SERVICE[state][act]
  if (next !== undefined) return next
  if (state === 'ABSENT') throw new Fault('not_found', { what })
  throw new Fault('conflict', { what: `${what} is approved already` })
}

/** What a CA certificate is, seen from one certification service. */
export type AuthorityState = 'ABSENT' | 'TOP' | 'INTERMEDIATE' | 'ELSEWHERE'
/** `found`: the service is approved with it. */
export type AuthorityAct = 'found' | 'add' | 'remove'

const NEXT_AUTHORITY: Record<AuthorityState, Partial<Record<AuthorityAct, AuthorityState>>> = {
  ABSENT: { found: 'TOP', add: 'INTERMEDIATE' },
  // Without it there is no certification service: it goes with the service.
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

/** Throws `not_found`, or `conflict`: a CA belongs to one service, and its top CA goes with it. */
export function nextAuthorityState(sha256: string, act: AuthorityAct, state: AuthorityState): AuthorityState {
  const next = NEXT_AUTHORITY[state][act]
  if (next !== undefined) return next
  if (act !== 'remove') {
    const where = state === 'ELSEWHERE' ? 'another certification service' : 'this certification service'
    throw new Fault('conflict', { what: `the certification authority ${sha256} belongs to ${where} already` })
  }
  if (state !== 'TOP') throw new Fault('not_found', { what: `the intermediate CA ${sha256}` })
  throw new Fault('conflict', {
    what: 'it is the top CA of its certification service: withdraw the service',
  })
}
