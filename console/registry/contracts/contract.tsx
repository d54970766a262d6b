/** A service contract as the API tells it, its state and its parties in words. */
import { Status, type Tone } from '../../kit/status.tsx'
import { type TextKey, text } from '../../kit/text.ts'
import { ClientLink, GroupLink } from '../links.tsx'
import type { Suspension } from '../suspensions/suspension.tsx'

export const STATES = [
  ...(['PROPOSED', 'ACCEPTED', 'ACTIVE', 'SUSPENDED', 'EXPIRED'] as const),
  ...(['TERMINATED', 'SUPERSEDED', 'DECLINED', 'WITHDRAWN'] as const),
] as const
export type State = (typeof STATES)[number]

export type Consumers = { globalGroup: string } | { subsystems: string[] }

/** A version in a list. Parties stand in their text form, with slashes. */
export type Contract = {
  contract: string
  version: number
  contentHash: string
  state: State
  title: string
  provider: string
  consumers: Consumers
  personalData: boolean
  critical: boolean
  overdue: boolean
  validFrom: string
  validUntil: string
  endsInDays: number
  reviewAt: string
  proposedAt: string
  proposedBy: string
  changedAt: string
  reason?: string
}

export type Service = {
  serviceCode: string
  endpoints: { method: string; path: string }[]
  requestFields?: string[]
  responseFields?: string[]
  dataSubject?: { in: string; name: string }
}

export type Content = {
  services: Service[]
  purpose: string
  legalBasis: string
  logLevel: 'full' | 'digest' | 'none'
  retentionDays: number
  quota?: { perSecond?: number; burst?: number; perDay?: number }
  outageGraceHours: number
  contacts: { member: string; name: string; email: string }[]
}

export type Seal = {
  sha256: string
  member: string
  sealedAt: string
  mandated: string[]
  server: string
  subsystems?: string[]
}

export type Version = Contract & {
  content: Content
  waitsFor: string[]
  changes: { path: string; before?: unknown; after?: unknown }[]
  seals: Seal[]
}

export type WholeContract = {
  contract: string
  suspension: Suspension | null
  versions: Version[]
  events: { version: number; at: string; act: string; by: string; reason: string | null }[]
  notices: { version: number; notice: string; at: string }[]
}

const TONES: Record<State, Tone> = {
  PROPOSED: 'warn',
  ACCEPTED: 'warn',
  ACTIVE: 'good',
  SUSPENDED: 'bad',
  EXPIRED: 'quiet',
  TERMINATED: 'quiet',
  SUPERSEDED: 'quiet',
  DECLINED: 'quiet',
  WITHDRAWN: 'quiet',
}

export function stateName(state: State): string {
  return text(`contract.${state}` as TextKey)
}

export function ContractState({ of: { state, overdue } }: { of: Pick<Contract, 'state' | 'overdue'> }) {
  return (
    <>
      <Status tone={TONES[state]} word={`contract.${state}` as TextKey} />
      {overdue && (
        <>
          {' '}
          <Status tone="bad" word="contract.overdue" />
        </>
      )}
    </>
  )
}

export function contractPath(contract: string): string {
  return `/contracts/${contract}`
}

/** "DEV/GOV/1/a%20b", as contracts name a party, in the form of the register. */
export function partyId(party: string): string {
  return party.split('/').map(decodeURIComponent).join(':')
}

export function Party({ id }: { id: string }) {
  return <ClientLink id={partyId(id)} />
}

export function Parties({ of }: { of: Consumers }) {
  if ('globalGroup' in of)
    return (
      <>
        {text('contract.group')} <GroupLink code={of.globalGroup} />
      </>
    )
  return (
    <ul class="plain-list">
      {of.subsystems.map((id) => (
        <li key={id}>
          <Party id={id} />
        </li>
      ))}
    </ul>
  )
}

/** The version that holds or was held last; before that the one that is proposed. */
export function currentOf(versions: Version[]): Version {
  const held = versions.filter(({ state }) => state === 'ACTIVE' || state === 'SUSPENDED')
  return held.at(-1) ?? versions.at(-1)!
}
