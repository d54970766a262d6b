/** A service contract in words, for both consoles: its states, its content, its parties. */
import type { ComponentType } from 'preact'
import type { AttestedAttribute } from './attested.ts'
import { Status, type Tone } from './status.tsx'
import { type TextKey, text } from './text.ts'

export const STATES = [
  ...(['PROPOSED', 'ACCEPTED', 'ACTIVE', 'SUSPENDED', 'EXPIRED'] as const),
  ...(['TERMINATED', 'SUPERSEDED', 'DECLINED', 'WITHDRAWN'] as const),
] as const
export type State = (typeof STATES)[number]

export type Consumers = { globalGroup: string } | { subsystems: string[] }

export type Service = {
  serviceCode: string
  endpoints: { method: string; path: string }[]
  requestFields?: string[]
  responseFields?: string[]
  dataSubject?: { in: string; name: string }
  representation?: Representation
}

/**
 * What is asked of a call that names a represented party; the members after `check` with `mandateService`
 * alone.
 */
type Representation = {
  check: 'none' | 'asserted' | 'hostingMandate' | 'mandateService'
  service?: string
  delegate?: 'user' | 'member'
  roles?: string[]
  answerSeconds?: number
}

/** What is asked of the consent of the person whom a call is about. */
export type ConsentRule = {
  proof: 'login' | 'wallet'
  attributes?: AttestedAttribute[]
  kinds: ('once' | 'standing')[]
  maxDays: number
  dataLife: Span
  frequency?: { times: number; per: 'hour' | 'day' | 'month' | 'year' }
  range?: Span
  services?: string[]
  /** The security server that keeps the consents, where there are several. */
  keptAt?: string
}
export type Span = { unit: 'day' | 'month' | 'year'; value: number }

export type Content = {
  services: Service[]
  purpose: string
  legalBasis: string
  logLevel: 'full' | 'digest' | 'none'
  retentionDays: number
  secret?: { visibleTo: string[] }
  quota?: { perSecond?: number; burst?: number; perDay?: number }
  consent?: ConsentRule
  /** The person whom a call is about sees the answer first. */
  preview?: { minutes: number; services?: string[] }
  personalData: boolean
  outageGraceHours: number
  /** Without it there is no grace for personal data. */
  outageGracePersonalData?: boolean
  contacts: { member: string; name: string; email: string }[]
}

/** How a console shows a party, given in its text form with slashes. */
export type PartyView = ComponentType<{ id: string }>

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

export function ContractState({ of: { state, overdue } }: { of: { state: State; overdue: boolean } }) {
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

/** The register's form of a party's text form, which looks like "DEV/GOV/1/a%20b". */
export function partyId(party: string): string {
  return party.split('/').map(decodeURIComponent).join(':')
}

/** The newest version that is in force or suspended; if there is none, the newest version. */
export function currentOf<V extends { state: State }>(versions: V[]): V {
  const held = versions.filter(({ state }) => state === 'ACTIVE' || state === 'SUSPENDED')
  return held.at(-1) ?? versions.at(-1)!
}

/** A choice of the version to show. */
export function ChooseVersion(q: {
  of: { version: number }[]
  chosen: number
  choose(version: number): void
}) {
  return (
    <label class="acts">
      {text('contract.show')}
      <select value={String(q.chosen)} onChange={(event) => q.choose(Number(event.currentTarget.value))}>
        {q.of.map(({ version }) => (
          <option key={version} value={String(version)}>
            {text('contract.version', { version: String(version) })}
          </option>
        ))}
      </select>
    </label>
  )
}
