/** A service contract in the form of the security server's API, and its parties. */
import { type Content, partyId, type State } from '../../kit/contract.tsx'
import type { Contact as KnownContact } from '../../kit/contract-contacts.tsx'
import { Named } from '../../kit/named.tsx'
import { text } from '../../kit/text.ts'
import { FoldedId } from '../words.tsx'

const MOST_LISTED = 2

/** A first person has agreed for the member; the second person is missing. */
export type Agreement = { member: string; by: string; byYou: boolean; at: string; subsystems?: string[] }

/** A first person of the member wants to end the version; the second person is missing. */
type Ending = { member: string; by: string; byYou: boolean; reason: string; at: string }

export type Contact = KnownContact & { isHere: boolean }

/** A version in the list. Parties are in their text form, with slashes. */
export type Contract = {
  contract: string
  version: number
  contentHash: string
  state: State
  reason?: string
  proposedBy?: string
  proposedAt?: string
  changedAt?: string
  /** Since when the version is or was in force. */
  inForceAt?: string
  /** Whether the suspension list names it, also after its end. */
  suspended: boolean
  title: string
  provider: string
  /** The codes of the provider's services that it is about. */
  services: string[]
  globalGroup?: string
  consumers: string[]
  personalData: boolean
  critical: boolean
  validFrom: string
  validUntil: string
  overdue: boolean
  waitsFor: string[]
  /** The addresses to which the registry sends e-mail. */
  contacts?: Contact[]
  /** The sides that lack the confirmed contact which the instance requires. */
  contactsMissing?: ('provider' | 'consumers')[]
  /** Members of this server: those that must seal the version, and those that are parties. */
  waitsHere: string[]
  partiesHere: string[]
  agreements: Agreement[]
  endings: Ending[]
}

type Seal = {
  id: string
  signer: string
  createdAt: string
  mandated: string[]
  subsystems?: string[]
}

/** The terms that both sides agree on, in the form of the API. */
export type Terms = Content & {
  title: string
  provider: string
  consumers: { globalGroup: string } | { subsystems: string[] }
  personalData: boolean
  critical: boolean
  validFrom: string
  validUntil: string
  reviewAt: string
}

export type Version = Contract & {
  content: Terms & { contract: string; version: number; supersedes?: string }
  sealedBy: Seal[]
}

/** The API's answer after an act. */
export type Status = { contract: string; version: number; state?: State; agreed?: number; needed?: number }

export function Party({ id }: { id: string }) {
  return <Named id={partyId(id)} />
}

function Parties({ of }: { of: string[] }) {
  if (of.length === 0) return <>{text('common.none')}</>
  return (
    <ul class="plain-list">
      {of.map((id) => (
        <li key={id}>
          <Party id={id} />
        </li>
      ))}
    </ul>
  )
}

export function Consumers({ of }: { of: Pick<Contract, 'globalGroup' | 'consumers'> }) {
  if (of.globalGroup === undefined) return <Parties of={of.consumers} />
  return (
    <>
      {text('contract.group')} <bdi class="id">{of.globalGroup}</bdi>
      {of.consumers.length > 0 && <Parties of={of.consumers} />}
    </>
  )
}

/** For a list of contracts: the first consumers by name, and how many more there are. */
export function FirstConsumers({ of }: { of: Pick<Contract, 'globalGroup' | 'consumers'> }) {
  const shown = of.consumers.slice(0, MOST_LISTED)
  const more = of.consumers.length - shown.length
  return (
    <>
      {of.globalGroup !== undefined && (
        <p>
          {text('contract.group')} <bdi class="id">{of.globalGroup}</bdi>
        </p>
      )}
      {of.globalGroup === undefined && shown.length === 0 && text('common.none')}
      {shown.map((id) => (
        <FoldedId key={id} of={partyId(id)} />
      ))}
      {more > 0 && <p class="beside">{text('names.more', { count: more })}</p>}
    </>
  )
}

/** The version that waits for seals or approval; there is at most one. */
export function openOf(versions: Version[]): Version | undefined {
  return versions.find(({ state }) => state === 'PROPOSED' || state === 'ACCEPTED')
}
