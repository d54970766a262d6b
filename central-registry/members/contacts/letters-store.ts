/**
 * Sends letters that ask whether the addresses of contacts reach their members. Guarantees that nobody gets
 * more letters than the limits allow, and that only the digest of a code is stored.
 */
import type { Kysely } from 'kysely'
import { type Fields, isAddress } from '#core/mail/mail-address.ts'
import { isOver, latestPlausible } from '#platform/not-before.ts'
import { Fault } from '#schemas/fault.ts'
import { parseMemberId } from '#schemas/identifiers.ts'
import { say, type Word } from '#schemas/said.ts'
import { type Change, counted } from '../../changes/store.ts'
import type { ContactAddressRow } from '../../register/contact-tables.ts'
import type { RegisterTables } from '../../register/tables.ts'
import { CODE_GOOD_MS, DAY_MS, digestOf, MOST_LETTERS, newCode } from './rules.ts'

/** The name of the letter's texts. */
export const CONTACT_LETTER = 'contact.confirm'

/** Puts a message with the texts of this name into the outbox for each recipient, within the transaction. */
export type PutMail = (
  transaction: Kysely<RegisterTables>,
  recipients: string[],
  text: string,
  fields: Fields,
) => Promise<void>

/** A contact to ask; `email` is spelled as in the contract. */
type Asked = { member: string; email: string; contract: string }
type Key = Pick<ContactAddressRow, 'member' | 'address'>

/**
 * How many codes of one address are valid at the same time. There may be several, because the mail server may
 * have sent a letter whose acknowledgement was lost.
 */
const MOST_CODES = 5

/**
 * Sends a letter to each contact that needs one; with `isRenewal` also to those that are still confirmed. A
 * contact that the limits do not allow now is asked a day later.
 */
export async function askWhereNeeded(
  transaction: Kysely<RegisterTables>,
  all: Asked[],
  q: { own: string; by: string; at: string; put: PutMail; isRenewal?: boolean },
): Promise<void> {
  for (const one of all) {
    if (parseMemberId(one.member).instance !== q.own || !isAddress(one.email)) continue
    const row = await rowOf(transaction, keyOf(one), q.at)
    const isConfirmed = row.confirmed_until > q.at && q.isRenewal !== true
    const isAsked = !isOver(row.asked_until, { now: q.at, longestMs: CODE_GOOD_MS })
    const isRefused =
      row.refused_at !== null && !isOver(dayAfter(row.refused_at), { now: q.at, longestMs: DAY_MS })
    if (isConfirmed || isAsked || isRefused) continue
    if ((await whyNoLetter(transaction, one, q)) === undefined) await letter(transaction, one, q)
    else await set(transaction, keyOf(one), { ask_at: dayAfter(q.at) })
  }
}

/**
 * Sends a letter at somebody's request. Throws `contract_not_possible` when the registry cannot ask this
 * address or a limit is reached.
 */
export async function askAgain(
  transaction: Kysely<RegisterTables>,
  one: Asked,
  q: { own: string; by: string; at: string; put: PutMail },
): Promise<void> {
  const refused = (what: Word): Fault => new Fault('contract_not_possible', { what })
  if (parseMemberId(one.member).instance !== q.own)
    throw refused(say`the registry of ${parseMemberId(one.member).instance} asks its own members`)
  if (!isAddress(one.email)) throw refused(say`the registry sends nothing to an address of this form`)
  await rowOf(transaction, keyOf(one), q.at)
  const why = await whyNoLetter(transaction, one, q)
  if (why !== undefined) throw refused(why)
  await letter(transaction, one, q)
}

/** Which limit is reached, in words; undefined when none is. */
async function whyNoLetter(
  transaction: Kysely<RegisterTables>,
  { member, email, contract }: Asked,
  { by, at }: { by: string; at: string },
): Promise<string | undefined> {
  const today = () =>
    transaction
      .selectFrom('contact_letter')
      .where('at', '>', dayBefore(at))
      .where('at', '<=', latestPlausible({ now: at, longestMs: 0 }))
  const toAddress = today().where('address', '=', keyOf({ member, email }).address)
  if ((await counted(toAddress.where('member', '=', member))) >= MOST_LETTERS.addressOfMember)
    return `${MOST_LETTERS.addressOfMember} letters went to this address for this member within a day`
  if ((await counted(toAddress)) >= MOST_LETTERS.address)
    return `${MOST_LETTERS.address} letters went to this address within a day`
  if ((await counted(today().where('contract', '=', contract))) >= MOST_LETTERS.contract)
    return `${MOST_LETTERS.contract} letters went out about this contract within a day`
  if (by !== '' && (await counted(today().where('asked_by', '=', by))) >= MOST_LETTERS.asker)
    return `${MOST_LETTERS.asker} letters went out for this member within a day`
  return undefined
}

async function letter(
  transaction: Kysely<RegisterTables>,
  one: Asked,
  { by, at, put }: { by: string; at: string; put: PutMail },
): Promise<void> {
  const { member, email, contract } = one
  const { address } = keyOf(one)
  await transaction
    .insertInto('contact_letter')
    .values({ member, address, contract, asked_by: by, at })
    .execute()
  const asked_until = new Date(Date.parse(at) + CODE_GOOD_MS).toISOString()
  await set(transaction, { member, address }, { asked_until, ask_at: '', refused_at: null, tries: 0 })
  await put(transaction, [email], CONTACT_LETTER, { member, contract, address })
}

export async function rowOf(
  transaction: Kysely<RegisterTables>,
  { member, address }: Key,
  at: string,
): Promise<ContactAddressRow> {
  const nothing = { confirmed_until: '', asked_until: '', ask_at: '', tries: 0 }
  await transaction
    .insertInto('contact_address')
    .values({ member, address, ...nothing, confirmed_at: null, confirmed_by: null, refused_at: null })
    .onConflict((conflict) => conflict.columns(['member', 'address']).doNothing())
    .execute()
  const row = await transaction
    .selectFrom('contact_address')
    .selectAll()
    .where('member', '=', member)
    .where('address', '=', address)
    .executeTakeFirstOrThrow()
  // A confirmation whose time is over no longer counts.
  return {
    ...row,
    tries: Number(row.tries),
    confirmed_until: row.confirmed_until > at ? row.confirmed_until : '',
  }
}

export async function set(
  transaction: Kysely<RegisterTables>,
  { member, address }: Key,
  values: Partial<Omit<ContactAddressRow, keyof Key>>,
): Promise<void> {
  await transaction
    .updateTable('contact_address')
    .set(values)
    .where('member', '=', member)
    .where('address', '=', address)
    .execute()
}

/** What the outbox needs to send these letters. */
export function createContactLetters(record: Change) {
  return {
    /** The fields of a letter, made when it is sent: each time a new code, valid from now on. */
    fieldsOf: ({ member, address }: Fields, now: number): Promise<Fields> =>
      record(async (transaction) => {
        const key = { member: member!, address: address! }
        const code = newCode()
        const expires_at = new Date(now + CODE_GOOD_MS).toISOString()
        await transaction
          .insertInto('contact_code')
          .values({ ...key, digest: digestOf(code), expires_at })
          .execute()
        const codes = await transaction
          .selectFrom('contact_code')
          .select('id')
          .where('member', '=', key.member)
          .where('address', '=', key.address)
          .orderBy('id', 'desc')
          .execute()
        const old = codes.slice(MOST_CODES).map(({ id }) => id)
        if (old.length > 0) await transaction.deleteFrom('contact_code').where('id', 'in', old).execute()
        await set(transaction, key, { asked_until: expires_at, refused_at: null })
        return { code, until: expires_at }
      }),
    /**
     * The mail server rejected the address. Its confirmations and codes are deleted for all members, because
     * it may reach nobody any more.
     */
    refused: (recipient: string, now: number): Promise<void> =>
      record(async (transaction) => {
        const address = recipient.toLowerCase()
        const refused_at = new Date(now).toISOString()
        await transaction
          .updateTable('contact_address')
          .set({ refused_at, confirmed_until: '', asked_until: '', ask_at: '' })
          .where('address', '=', address)
          .execute()
        await transaction.deleteFrom('contact_code').where('address', '=', address).execute()
      }),
  }
}

export function keyOf({ member, email }: Pick<Asked, 'member' | 'email'>): Key {
  return { member, address: email.toLowerCase() }
}

function dayBefore(at: string): string {
  return new Date(Date.parse(at) - DAY_MS).toISOString()
}

function dayAfter(at: string): string {
  return new Date(Date.parse(at) + DAY_MS).toISOString()
}
