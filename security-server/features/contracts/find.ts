/**
 * Filters and sorts a list of contracts. Without a `sort`, contracts that wait for a member of this server
 * come first.
 */
import { namedConsumers, requiredSigners } from '#core/contract/parties.ts'
import { colonForm, subsystemIdOf } from '#schemas/colon-identifiers.ts'
import {
  CONTRACT_STATES,
  type ContactState,
  type ContractContent,
  type ContractState,
} from '#schemas/contract.ts'
import { idText, parseMemberId } from '#schemas/identifiers.ts'
import type { KeptContract } from '../../global-configuration/contracts/verify-contract.ts'
import type { Keys } from '../../keys/keys.ts'

export type ContractQuery = {
  state?: ContractState
  /** Only contracts in which a member of this server is on this side. */
  side?: 'provider' | 'consumer'
  /** Only contracts that name this subsystem as a consumer, or that it joined. */
  consumer?: string
  /** Only contracts that a member of this server has to seal. */
  waiting?: boolean
  /** Only contracts with a contact of a member of this server whose address is not confirmed. */
  unconfirmed?: boolean
  /** A text in the title, the id or a party. */
  q?: string
  sort?: 'title' | '-title' | 'validUntil' | '-validUntil'
  offset: number
  /** All contracts when absent. */
  limit?: number
}

/**
 * Whether a member (identifier as text) has a signing key on this server that is ready to sign. Each member
 * is looked up once.
 */
export type CanSign = (member: string) => boolean

export function signersOf(keys: Pick<Keys, 'signingIdentity'>): CanSign {
  const known = new Map<string, boolean>()
  const look = (member: string): boolean => {
    try {
      keys.signingIdentity(parseMemberId(member))
      return true
    } catch {
      return false
    }
  }
  return (member) => {
    const found = known.get(member) ?? look(member)
    known.set(member, found)
    return found
  }
}

/** The members with a signing key here that still have to seal the contract. */
export function waitsHere({ listed }: KeptContract, canSign: CanSign): string[] {
  return listed.state === 'PROPOSED' ? listed.waitsFor.filter(canSign) : []
}

/**
 * The members with a signing key here that are parties: they sealed the contract, joined it, or have to seal
 * it.
 */
export function partiesHere({ content, joined }: KeptContract, canSign: CanSign): string[] {
  const parties = [...requiredSigners(content), ...joined.map(memberPart)]
  return [...new Set(parties)].filter(canSign)
}

/**
 * The contacts, with the state of their addresses from the registry. `isHere`: the contact's member has a
 * signing key here.
 */
export function contactsOf(
  { listed, content }: KeptContract,
  canSign: CanSign,
): (ContractContent['contacts'][number] & { state?: ContactState; isHere: boolean })[] {
  return content.contacts.map((contact, at) => {
    const state = listed.contacts?.[at]
    return { ...contact, ...(state === undefined ? {} : { state }), isHere: canSign(contact.member) }
  })
}

/** Whether a contact of a member of this server still needs its code or another address. */
function isUnconfirmedHere(one: KeptContract, canSign: CanSign): boolean {
  return contactsOf(one, canSign).some(
    ({ state, isHere }) => isHere && state !== undefined && state !== 'CONFIRMED' && state !== 'ELSEWHERE',
  )
}

/**
 * The requested page of the matching contracts, and how many match in total. Throws
 * `invalid_client_identifier` for a consumer that is none.
 */
export function findContracts(
  all: KeptContract[],
  query: ContractQuery,
  canSign: CanSign,
): { page: KeptContract[]; total: number } {
  const consumer = query.consumer === undefined ? undefined : idText(subsystemIdOf(query.consumer))
  const isWaiting = new Map(all.map((one) => [one, waitsHere(one, canSign).length > 0]))
  const found = all
    .filter((one) => fits(one, query, canSign) && (query.waiting !== true || isWaiting.get(one) === true))
    .filter((one) => consumer === undefined || consumersOf(one).includes(consumer))
    .filter((one) => query.unconfirmed !== true || isUnconfirmedHere(one, canSign))
    .sort(
      (a, b) =>
        (query.sort === undefined ? Number(isWaiting.get(b)) - Number(isWaiting.get(a)) : 0) ||
        inOrder(a, b, query.sort),
    )
  const end = query.limit === undefined ? undefined : query.offset + query.limit
  return { page: found.slice(query.offset, end), total: found.length }
}

function fits(one: KeptContract, { state, side, q = '' }: ContractQuery, canSign: CanSign): boolean {
  const { listed, content } = one
  if (state !== undefined && listed.state !== state) return false
  const consumers = consumersOf(one)
  const own = side === 'provider' ? [content.provider] : consumers
  if (side !== undefined && !own.some((party) => canSign(memberPart(party)))) return false
  const said = [content.title, content.contract, ...[content.provider, ...consumers].map(colonForm)]
  return said.some((text) => text.toLowerCase().includes(q.trim().toLowerCase()))
}

function consumersOf({ content, joined }: KeptContract): string[] {
  return [...namedConsumers(content), ...joined]
}

function inOrder(a: KeptContract, b: KeptContract, sort: ContractQuery['sort']): number {
  const byTitle = a.content.title.localeCompare(b.content.title)
  const byEnd = a.content.validUntil.localeCompare(b.content.validUntil)
  const byState = CONTRACT_STATES.indexOf(a.listed.state) - CONTRACT_STATES.indexOf(b.listed.state)
  const wanted = sort === undefined ? byState : sort.endsWith('title') ? byTitle : byEnd
  const newest = b.content.version - a.content.version
  return (sort?.startsWith('-') ? -wanted : wanted) || byTitle || newest
}

/** The member of a party's identifier. */
function memberPart(party: string): string {
  return party.split('/').slice(0, 3).join('/')
}
