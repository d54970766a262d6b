/**
 * Rules for addresses of contacts: codes, states, the number of letters, and which sides of a contract lack a
 * confirmed contact; pure.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { membersOfSide } from '#core/contract/awaited.ts'
import { groupOf } from '#core/contract/parties.ts'
import { isAddress } from '#core/mail/mail-address.ts'
import {
  CONTRACT_SIDES,
  type ContactState,
  type ContractContent,
  type ContractSide,
} from '#schemas/contract.ts'
import { parseMemberId } from '#schemas/identifiers.ts'
import type { ContactAddressRow } from '../../register/contact-tables.ts'

export const DAY_MS = 86_400_000
export const CODE_GOOD_MS = 7 * DAY_MS
/**
 * Milliseconds for which a confirmation is valid. After that the member is asked again whether it still has
 * the address.
 */
export const CONFIRMED_MS = 365 * DAY_MS
/** The registry asks on its own initiative this many milliseconds before a confirmation ends. */
export const ASK_BEFORE_MS = 30 * DAY_MS
/** After this many wrong codes for an address no code is accepted until another letter is sent. */
export const MOST_TRIES = 10

/**
 * The most letters within a day. No address gets too many letters, and no single member can use up all that
 * an address may get.
 */
export const MOST_LETTERS = { address: 3, addressOfMember: 2, contract: 40, asker: 100 } as const

const CODE_BYTES = 16

/** A code of 128 bits in hex, in groups that are easy to read aloud. */
export function newCode(): string {
  return randomBytes(CODE_BYTES)
    .toString('hex')
    .replace(/.{4}(?=.)/g, '$&-')
}

/** The digest of a code, ignoring spaces, hyphens and case. The digest of any other text matches no code. */
export function digestOf(code: string): Buffer {
  return createHash('sha256')
    .update(code.replace(/[\s-]+/g, '').toLowerCase())
    .digest()
}

/** Compares with all digests, so that the time does not reveal which one matched. */
export function isOneOf(digest: Buffer, all: Buffer[]): boolean {
  return all.reduce((found, one) => timingSafeEqual(one, digest) || found, false)
}

/** `own` is the instance of this registry. `row` is undefined when the address was never asked about. */
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

/** Which contracts need a confirmed contact on each side before they come into force. */
export const CONTACT_POLICIES = ['none', 'personalData', 'all'] as const
export type ContactPolicy = (typeof CONTACT_POLICIES)[number]

/**
 * The sides of a contract that need a confirmed contact but have none known to this registry. Consumers in a
 * global group name no contacts. A side with members of another instance is checked by their own registry.
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
