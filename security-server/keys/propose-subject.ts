/** The subject that a CA's certificate profile requires in a new request. */
import { builtInProfile } from '#core/certificate/built-in-profiles.ts'
import { fillRequest } from '#core/certificate/fill-request.ts'
import type { CertificateProfile } from '#schemas/certificate-profile.ts'
import { Fault } from '#schemas/fault.ts'
import type { MemberId, ServerId } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import type { SubjectFields } from './certification-request.ts'
import type { KeyUsage } from './key-file.ts'

/**
 * `profile` is the CA's profile, or the class name of one of X-Road's built-in profiles. A country that
 * neither the profile nor the instance tells is the empty text: whoever makes the request has to enter it.
 * Throws `not_found` for an unknown profile.
 */
export function proposeSubject(q: {
  profile: CertificateProfile | string | undefined
  usage: KeyUsage
  member: MemberId
  memberName: string
  server: ServerId
  dnsName: string
}): SubjectFields {
  const profile = typeof q.profile === 'string' ? builtInProfile(q.profile) : q.profile
  if (profile === undefined)
    throw new Fault('not_found', {
      what: say`the certificate profile of this CA: the registry has not published what it says`,
    })
  return fillRequest(profile[q.usage === 'SIGNING' ? 'signing' : 'authentication'].request, {
    ...{ instance: q.member.instance, memberClass: q.member.memberClass, memberCode: q.member.memberCode },
    ...{ memberName: q.memberName, serverCode: q.server.serverCode, dnsName: q.dnsName },
    country: countryOf(profile, q.member.instance),
  })
}

/**
 * The fixed country of the profile's other kind of certificate, or the country with which the name of the
 * instance begins.
 */
function countryOf({ signing, authentication }: CertificateProfile, instance: string): string {
  const fixed = [...signing.request, ...authentication.request].find(
    ({ attribute, value }) => attribute === 'C' && /^[A-Z]{2}$/.test(value),
  )
  return fixed?.value ?? countryOfInstance(instance)
}

let countries: Intl.DisplayNames | undefined

/** Operators of X-Road name an instance after its country: EE, ee-test, FI-DEV. Empty for other names. */
function countryOfInstance(instance: string): string {
  const first = (instance.split(/[-_]/)[0] ?? '').toUpperCase()
  if (!/^[A-Z]{2}$/.test(first)) return ''
  // Made at the first use: it takes longer than a hundred modules, and every server and test loads this one.
  countries ??= new Intl.DisplayNames('en', { type: 'region', fallback: 'none' })
  return countries.of(first) === undefined ? '' : first
}
