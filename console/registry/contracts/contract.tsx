/** A service contract in the form of the registry's API, with its parties as links. */
import type { Consumers, Content, State } from '../../kit/contract.tsx'
import { partyId } from '../../kit/contract.tsx'
import type { Contact } from '../../kit/contract-contacts.tsx'
import { text } from '../../kit/text.ts'
import { ClientLink, ClientRowLink, GroupLink } from '../links.tsx'
import type { Suspension } from '../suspensions/suspension.tsx'
import type { Between } from './between.tsx'

/** A version in a list. Parties are in their text form, with slashes. */
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
  /** The two instances of a contract between instances. */
  instances?: string[]
  between?: Between
  waitsFor: string[]
  /** For undecided versions and those in force, when the registry sends e-mail. */
  contacts?: Contact[]
  /** The sides for which the policy requires a confirmed contact before the version comes into force. */
  contactsMissing?: ('provider' | 'consumers')[]
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

export function Party({ id }: { id: string }) {
  return <ClientLink id={partyId(id)} />
}

/** In a row among many. */
export function PartyInRow({ id }: { id: string }) {
  return (
    <span class="party">
      <ClientRowLink id={partyId(id)} />
    </span>
  )
}

export function Parties({ of }: { of: Consumers }) {
  return <EachParty of={of} as={Party} />
}

/** In a row among many: the first, and how many more there are. */
export function PartiesInRow({ of }: { of: Consumers }) {
  if ('globalGroup' in of || of.subsystems.length < 2) return <EachParty of={of} as={PartyInRow} />
  return (
    <>
      <PartyInRow id={of.subsystems[0]!} />
      <span class="beside"> {text('names.more', { count: of.subsystems.length - 1 })}</span>
    </>
  )
}

function EachParty({ of, as: Shown }: { of: Consumers; as: typeof Party }) {
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
          <Shown id={id} />
        </li>
      ))}
    </ul>
  )
}
