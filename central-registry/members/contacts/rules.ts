/** What holds for addresses of contacts: codes, states, how many letters there may be, which sides of a contract lack one; pure. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { membersOfSide } from '#core/contract/awaited.ts'
import { groupOf } from '#core/contract/parties.ts'
import {
  CONTRACT_SIDES,
  type ContactState,
  type ContractContent,
  type ContractSide,
} from '#schemas/contract.ts'
import { parseMemberId } from '#schemas/identifiers.ts'
import type { ContactAddressRow } from '../../register/contact-tables.ts'
import { isAddress } from './mail-address.ts'

export const DAY_MS = 86_400_000
export const CODE_GOOD_MS = 7 * DAY_MS
/** After this a member is asked again whether it still has the address. */
export const CONFIRMED_MS = 365 * DAY_MS
/** So long before that the registry asks by itself. */
export const ASK_BEFORE_MS = 30 * DAY_MS
/** Wrong codes for an address; then none is right until another letter is sent. */
export const MOST_TRIES = 10

/** Letters within a day. No address is flooded, whoever names it; and nobody can use all that there may be for it. */
export const MOST_LETTERS = { address: 3, addressOfMember: 2, contract: 40, asker: 100 } as const

const CODE_BYTES = 16

/** 128 bits, in groups that one can read to somebody. */
export function newCode(): string {
  return randomBytes(CODE_BYTES)
    .toString('hex')
    .replace(/.{4}(?=.)/g, '$&-')
}

/** Of a code however it is spaced and cased; of any other text something that no code has. */
export function digestOf(code: string): Buffer {
  return createHash('sha256')
    .update(code.replace(/[\s-]+/g, '').toLowerCase())
    .digest()
}

/** Takes as long whichever of them it is. */
export function isOneOf(digest: Buffer, all: Buffer[]): boolean {
  return all.reduce((found, one) => timingSafeEqual(one, digest) || found, false)
}

/** `own`: the instance of this registry. `row` is undefined for one that nobody was asked about. */
export function stateOf(
  { member, address }: Pick<ContactAddressRow, 'member' | 'address'>,
  row: Pick<ContactAddressRow, 'confirmed_until' | 'asked_until' | 'refused_at'> | undefined,
  { own, now }: { own: string; now: string },
): ContactState {
  if (parseMemberId(member).instance !== own) return 'ELSEWHERE'
  if (!isAddress(address) || (row?.refused_at ?? null) !== null) return 'REFUSED'
  if (row === undefined) return 'UNCONFIRMED'
  if (row.confirmed_until > now) return 'CONFIRMED'
  return row.asked_until > now ? 'ASKED' : 'UNCONFIRMED'
}

/** For which contracts the instance wants a confirmed contact on each side before they come into force. */
export const CONTACT_POLICIES = ['none', 'personalData', 'all'] as const
export type ContactPolicy = (typeof CONTACT_POLICIES)[number]

/**
 * The sides of a contract of which this registry knows no confirmed contact and ought to. Whoever joins a group's terms names none,
 * and for members of another instance their own registry looks.
 */
export function sidesWithout(content: ContractContent, states: ContactState[], own: string): ContractSide[] {
  const confirmed = new Set(
    content.contacts.filter((_, at) => states[at] === 'CONFIRMED').map(({ member }) => member),
  )
  return CONTRACT_SIDES.filter((side) => side === 'provider' || groupOf(content) === undefined).filter(
    (side) => {
      const members = membersOfSide(content, side)
      const isOurs = members.every((one) => parseMemberId(one).instance === own)
      return isOurs && !members.some((one) => confirmed.has(one))
    },
  )
}

export function isRequired(
  { personalData }: Pick<ContractContent, 'personalData'>,
  policy: ContactPolicy,
): boolean {
  return policy === 'all' || (policy === 'personalData' && personalData)
}
