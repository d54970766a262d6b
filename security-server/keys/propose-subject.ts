/** The subject that a CA's certificate profile requires in a new request. */
import { builtInProfile } from '#core/certificate/built-in-profiles.ts'
import { fillRequest } from '#core/certificate/fill-request.ts'
import type { CertificateProfile } from '#schemas/certificate-profile.ts'
import { Fault } from '#schemas/fault.ts'
import type { MemberId, ServerId } from '#schemas/identifiers.ts'
import type { SubjectFields } from './certification-request.ts'
import type { KeyUsage } from './key-file.ts'

/**
 * `profile` is the CA's profile, or the class name of one of X-Road's built-in profiles. Throws `not_found` for an unknown one.
 */
export function proposeSubject(q: {
  profile: CertificateProfile | string | undefined
  usage: KeyUsage
  member: MemberId
  memberName: string
  server: ServerId
  dnsName: string
  country?: string | undefined
}): SubjectFields {
  const profile = typeof q.profile === 'string' ? builtInProfile(q.profile) : q.profile
  if (profile === undefined)
    throw new Fault('not_found', {
      what: 'the certificate profile of this CA: the registry has not published what it says',
    })
  return fillRequest(profile[q.usage === 'SIGNING' ? 'signing' : 'authentication'].request, {
    ...{ instance: q.member.instance, memberClass: q.member.memberClass, memberCode: q.member.memberCode },
    ...{ memberName: q.memberName, serverCode: q.server.serverCode, dnsName: q.dnsName },
    country: q.country ?? 'FI',
  })
}
