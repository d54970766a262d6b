/** The subject that a CA's certificate profile expects (X-Road certificateprofile classes, wire digest 6.2), for a new request. */
import type { MemberId, ServerId } from '#schemas/identifiers.ts'
import type { SubjectFields } from './certification-request.ts'
import type { KeyUsage } from './key-file.ts'

/** `profile` is the class name in the configuration; what is not FiVRK or Ejbca is served as Basic. */
export function proposeSubject(q: {
  profile: string
  usage: KeyUsage
  member: MemberId
  memberName: string
  server: ServerId
  dnsName: string
  country?: string | undefined
}): SubjectFields {
  const { member, server } = q
  const signing = q.usage === 'SIGNING'
  const name = q.profile.slice(q.profile.lastIndexOf('.') + 1)
  if (name.startsWith('FiVRK')) {
    return fields(
      ['C', q.country ?? 'FI'],
      ['O', q.memberName],
      ['serialNumber', `${member.instance}/${server.serverCode}/${member.memberClass}`],
      ['CN', signing ? member.memberCode : q.dnsName],
    )
  }
  if (name.startsWith('Ejbca')) {
    return signing
      ? fields(['C', member.instance], ['O', member.memberClass], ['CN', member.memberCode])
      : fields(['C', member.instance], ['CN', server.serverCode])
  }
  const base = fields(['C', q.country ?? 'FI'], ['O', q.memberName])
  const category = signing ? fields(['businessCategory', member.memberClass]) : []
  return [
    ...base,
    ...category,
    ...fields(['serialNumber', member.memberCode], ['CN', signing ? q.memberName : q.dnsName]),
  ]
}

function fields(...pairs: [string, string][]): SubjectFields {
  return pairs.map(([type, value]) => ({ type, value }))
}
