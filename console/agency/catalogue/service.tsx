/** A service of the registry's catalogue as the API has it, and in words. */
import { Status, type Tone } from '../../kit/status.tsx'
import { text } from '../../kit/text.ts'

/**
 * What this server knows of a service: whether a client of its own offers it, or the best of the contracts
 * that name it.
 */
type Standing = keyof typeof TONES

const TONES = {
  ACTIVE: 'good',
  SUSPENDED: 'bad',
  ACCEPTED: 'warn',
  PROPOSED: 'warn',
  OWN: 'quiet',
  UNKNOWN: 'quiet',
} as const satisfies Record<string, Tone>

export type Listed = {
  id: string
  provider: string
  providerName: string
  memberName: string
  serviceCode: string
  serviceVersion?: string
  type: 'REST' | 'OPENAPI' | 'WSDL'
  title: string
  version: string
  lastSeen: string
  standing: Standing
}

type Access = 'everybody' | { memberClasses: string[]; globalGroups: string[] }

export function StandingWord({ of }: { of: Standing }) {
  return <Status tone={TONES[of]} word={`catalogue.standing.${of}`} />
}

export function accessText(access: Access): string {
  if (access === 'everybody') return text('catalogue.everybody')
  return [...access.memberClasses, ...access.globalGroups].join(', ') || text('catalogue.nobody')
}
