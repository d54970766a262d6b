/** The subject of a new request, from what the configuration says of the CA, its profile and the member. */
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, type MemberId, type ServerId } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import type { SubjectFields } from './certification-request.ts'
import type { KeyUsage } from './key-file.ts'
import { proposeSubject } from './propose-subject.ts'

/**
 * The subject that the CA's certificate profile prescribes for this member or server; without `caName` of the
 * first CA that fits. Throws `not_found`, `unknown_member` or `invalid_input`.
 */
export function subjectFor(
  index: ConfigurationIndex,
  q: { server: ServerId; usage: KeyUsage; member: MemberId; caName?: string; dnsName?: string },
): SubjectFields {
  const { server, usage, member, dnsName = '' } = q
  const cas = index.shared.approvedCas.filter((ca) => usage === 'AUTHENTICATION' || !ca.authenticationOnly)
  const ca = q.caName === undefined ? cas[0] : cas.find((each) => each.name === q.caName)
  if (ca === undefined) throw new Fault('not_found', { what: say`no such certification service` })
  const memberName = index.memberName(member)
  if (memberName === undefined) throw new Fault('unknown_member', { what: idText(member) })
  if (usage === 'AUTHENTICATION' && q.dnsName === undefined) {
    throw new Fault('invalid_input', { what: say`dnsName is needed for an authentication key` })
  }
  const profile = index.profileOf(ca.certificateProfileInfo)
  return proposeSubject({ profile, usage, member, memberName, server, dnsName })
}

/** Throws `invalid_input` for a subject with a field that is not known here. */
export function wholeSubject(subject: SubjectFields): SubjectFields {
  const unknown = subject.find(({ value }) => value === '')
  if (unknown === undefined) return subject
  throw new Fault('invalid_input', {
    what: say`subject: ${unknown.type} is not known here, so it has to be given`,
  })
}
