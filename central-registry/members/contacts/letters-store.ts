/**
 * Asks whether the addresses of contacts reach their members. Guarantees that nobody gets more letters than the bounds allow, and that
 * a code is kept as its digest only.
 */
import type { Kysely } from 'kysely'
import { Fault } from '#schemas/fault.ts'
import { parseMemberId } from '#schemas/identifiers.ts'
import { type Change, counted } from '../../changes/store.ts'
import type { ContactAddressRow } from '../../register/contact-tables.ts'
import type { RegisterTables } from '../../register/tables.ts'
import { type Fields, isAddress } from './mail-address.ts'
import { CODE_GOOD_MS, DAY_MS, digestOf, MOST_LETTERS, newCode } from './rules.ts'

/** The texts of the letter. */
export const CONTACT_LETTER = 'contact.confirm'

/** Within the transaction: a message to each recipient, with the texts of this name. */
export type PutMail = (
  transaction: Kysely<RegisterTables>,
  recipients: string[],
  text: string,
  fields: Fields,
) => Promise<void>

/** A contact as letters know it; `email` as the contract has it. */
type Asked = { member: string; email: string; contract: string }
type Key = Pick<ContactAddressRow, 'member' | 'address'>

/** Codes of one address that are good side by side: a mail server may have taken a letter whose acknowledgement was lost. */
const MOST_CODES = 5

/** A letter to each that needs one; `isRenewal`: also where it is confirmed still. What the bounds do not allow now, is asked in a day. */
export async function askWhereNeeded(
  transaction: Kysely<RegisterTables>,
  all: Asked[],
  q: { own: string; by: string; at: string; put: PutMail; isRenewal?: boolean },
): Promise<void> {
  for (const one of all) {
    if (parseMemberId(one.member).instance !== q.own || !isAddress(one.email)) continue
    const row = await rowOf(transaction, keyOf(one), q.at)
    const isConfirmed = row.confirmed_until > q.at && q.isRenewal !== true
    if (isConfirmed || row.asked_until > q.at || (row.refused_at ?? '') > dayBefore(q.at)) continue
    if ((await whyNoLetter(transaction, one, q)) === undefined) await letter(transaction, one, q)
    else await set(transaction, keyOf(one), { ask_at: dayAfter(q.at) })
  }
}

/** A letter because somebody wants one. Throws `contract_not_possible` where the bounds do not allow it. */
export async function askAgain(
  transaction: Kysely<RegisterTables>,
  one: Asked,
  q: { own: string; by: string; at: string; put: PutMail },
): Promise<void> {
  const refused = (what: string): Fault => new Fault('contract_not_possible', { what })
  if (parseMemberId(one.member).instance !== q.own)
    throw refused(`the registry of ${parseMemberId(one.member).instance} asks its own members`)
  if (!isAddress(one.email)) throw refused('the registry sends nothing to an address of this form')
  await rowOf(transaction, keyOf(one), q.at)
  const why = await whyNoLetter(transaction, one, q)
  if (why !== undefined) throw refused(why)
  await letter(transaction, one, q)
}

/** In words, which bound is reached. */
async function whyNoLetter(
  transaction: Kysely<RegisterTables>,
  { member, email, contract }: Asked,
  { by, at }: { by: string; at: string },
): Promise<string | undefined> {
  const today = () => transaction.selectFrom('contact_letter').where('at', '>', dayBefore(at))
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
  // What stood confirmed until now ends with its time.
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

/** What the outbox has to know of these letters. */
export function createContactLetters(record: Change) {
  return {
    /** What is filled in as a letter goes out: a code of its own each time, good from now on. */
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
    /** The mail server takes nothing for this address: nobody knows any more that it reaches anybody. */
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
