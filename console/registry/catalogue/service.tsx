/** A service of the catalogue in words: its state, and who may request access. */
import { Status } from '../../kit/status.tsx'
import { text } from '../../kit/text.ts'

type Access = 'everybody' | 'nobody' | { memberClasses: string[]; globalGroups: string[] }
export type Service = {
  id: string
  provider: string
  memberClass: string
  serviceCode: string
  type: 'REST' | 'OPENAPI' | 'WSDL'
  title: string
  version: string
  status: 'offered' | 'withdrawn'
  access: Access
  documentSha256: string | null
  firstSeen: string
  lastSeen: string
  changedAt: string
}

export function ServiceStatus({ of }: { of: Service['status'] }) {
  return <Status tone={of === 'offered' ? 'good' : 'quiet'} word={`catalogue.${of}`} />
}

export function accessText(access: Access): string {
  if (access === 'everybody') return text('catalogue.everybody')
  if (access === 'nobody') return text('catalogue.nobody')
  return [...access.memberClasses, ...access.globalGroups].join(', ') || text('catalogue.nobody')
}
