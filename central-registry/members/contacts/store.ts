/**
 * Rows of the addresses of contacts: their states, codes that members enter, renewals and deletion of old
 * rows.
 */
import type { Kysely } from 'kysely'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import { whereOver } from '#platform/database/where-over.ts'
import type { ContactState, ContractContent, ContractState } from '#schemas/contract.ts'
import type { Whole } from '#schemas/sent-values.ts'
import { type Change, counted } from '../../changes/store.ts'
import type { ContactAddressRow } from '../../register/contact-tables.ts'
import type { RegisterTables } from '../../register/tables.ts'
import { askWhereNeeded, keyOf, type PutMail, rowOf, set } from './letters-store.ts'
import { ASK_BEFORE_MS, CONFIRMED_MS, DAY_MS, digestOf, isOneOf, MOST_TRIES, stateOf } from './rules.ts'

/** A contact of a version with the state of its address. */
type KnownContact = ContractContent['contacts'][number] & {
  state: ContactState
  confirmedAt?: string
  confirmedBy?: string
  confirmedUntil?: string
  /** The time until which the code of the newest letter is valid. */
  askedUntil?: string
}

/** States of versions whose contacts matter: undecided or in force. */
const LIVE: ContractState[] = ['PROPOSED', 'ACCEPTED', 'ACTIVE', 'SUSPENDED']
/** How many addresses the registry asks on its own initiative in one run. */
const MANY = 100
/** How many parameters one statement gets; databases limit them. */
const SOME = 500

export type ContactStore = ReturnType<typeof createContactStore>

export function createContactStore(
  database: Database,
  record: Change,
  /** Undefined when no mail server is configured; then nobody is asked. */
  put: PutMail | undefined,
) {
  const tables = tablesOf<RegisterTables>(database)
  return {
    /** Whether the registry can send letters. */
    asks: put !== undefined,
    /** How many addresses have no valid confirmation. */
    unconfirmed: (now: string): Promise<Whole> =>
      counted(tables.selectFrom('contact_address').where('confirmed_until', '<=', now)),
    known: (content: ContractContent, now: string): Promise<KnownContact[]> => knownOf(tables, content, now),
    /** The states of each content's contacts, by the content's hash. */
    async statesOf(
      versions: { hash: string; content: string }[],
      now: string,
    ): Promise<Map<string, ContactState[]>> {
      const own = await ownInstance(tables)
      const contents = versions.map(({ content }) => JSON.parse(content) as ContractContent)
      const rows = await rowsOf(tables, contents)
      const stateIn = (contact: ContractContent['contacts'][number]): ContactState =>
        stateOf(keyOf(contact), rows.get(nameOf(keyOf(contact))), { own, now })
      return new Map(versions.map(({ hash }, at) => [hash, contents[at]!.contacts.map(stateIn)]))
    },
    /** Asks the addresses whose confirmation ends soon, and those that a limit delayed. */
    async askDue(now: string): Promise<void> {
      if (put === undefined) return
      const due = await tables
        .selectFrom('contact_address')
        .select(['member', 'address'])
        .where('ask_at', '>', '')
        .where((is) =>
          is.or([
            whereOver('ask_at', { now, longestMs: CONFIRMED_MS - ASK_BEFORE_MS }),
            // A limit delayed it.
            is.and([is('confirmed_until', '<=', now), whereOver('ask_at', { now, longestMs: DAY_MS })]),
          ]),
        )
        .orderBy('ask_at')
        .limit(MANY)
        .execute()
      if (due.length === 0) return
      await record(async (transaction) => {
        for (const { member, address } of due) {
          const named = await transaction
            .selectFrom('contract_contact')
            .innerJoin('contract_version', (join) =>
              join
                .onRef('contract_version.contract', '=', 'contract_contact.contract')
                .onRef('contract_version.version', '=', 'contract_contact.version'),
            )
            .select('contract_version.contract')
            .where('contract_contact.member', '=', member)
            .where('contract_contact.address', '=', address)
            .where('contract_version.state', 'in', LIVE)
            .orderBy('contract_version.contract')
            .executeTakeFirst()
          await set(transaction, { member, address }, { ask_at: '' })
          if (named === undefined) continue
          const one = { member, email: address, contract: named.contract }
          const own = await ownInstance(transaction)
          await askWhereNeeded(transaction, [one], { own, by: '', at: now, put, isRenewal: true })
        }
      })
    },
  }
}

/** Writes the contacts of a version; deletes the contacts of the content that it replaces. */
export async function putContacts(
  transaction: Kysely<RegisterTables>,
  content: ContractContent,
): Promise<void> {
  const { contract, version } = content
  await transaction
    .deleteFrom('contract_contact')
    .where('contract', '=', contract)
    .where('version', '=', version)
    .execute()
  for (const contact of content.contacts)
    await transaction
      .insertInto('contract_contact')
      .values({ contract, version, ...keyOf(contact) })
      .onConflict((conflict) => conflict.columns(['contract', 'version', 'member', 'address']).doNothing())
      .execute()
}

export async function ownInstance(kysely: Kysely<RegisterTables>): Promise<string> {
  const row = await kysely
    .selectFrom('system_parameter')
    .select('value')
    .where('name', '=', 'instance')
    .executeTakeFirst()
  return row?.value ?? ''
}

/** The contacts of a content with their states, in the same order. */
export async function knownOf(
  kysely: Kysely<RegisterTables>,
  content: ContractContent,
  now: string,
): Promise<KnownContact[]> {
  const own = await ownInstance(kysely)
  const rows = await rowsOf(kysely, [content])
  return content.contacts.map((contact) => {
    const row = rows.get(nameOf(keyOf(contact)))
    const state = stateOf(keyOf(contact), row, { own, now })
    const isConfirmed = row !== undefined && state === 'CONFIRMED'
    return {
      ...{ ...contact, state },
      ...(isConfirmed && row.confirmed_at !== null ? { confirmedAt: row.confirmed_at } : {}),
      ...(isConfirmed && row.confirmed_by !== null ? { confirmedBy: row.confirmed_by } : {}),
      ...(isConfirmed ? { confirmedUntil: row.confirmed_until } : {}),
      ...(row !== undefined && row.asked_until > now ? { askedUntil: row.asked_until } : {}),
    }
  })
}

async function rowsOf(
  kysely: Kysely<RegisterTables>,
  contents: ContractContent[],
): Promise<Map<string, ContactAddressRow>> {
  const keys = new Map(
    contents.flatMap(({ contacts }) => contacts.map(keyOf)).map((key) => [nameOf(key), key]),
  )
  const addresses = [...new Set([...keys.values()].map(({ address }) => address))]
  const found = new Map<string, ContactAddressRow>()
  for (let from = 0; from < addresses.length; from += SOME) {
    const rows = await kysely
      .selectFrom('contact_address')
      .selectAll()
      .where('address', 'in', addresses.slice(from, from + SOME))
      .execute()
    for (const row of rows) if (keys.has(nameOf(row))) found.set(nameOf(row), row)
  }
  return found
}

function nameOf({ member, address }: Pick<ContactAddressRow, 'member' | 'address'>): string {
  return `${member} ${address}`
}

/** The outcome of entering a code; `not` is the reason, in words, why it confirms nothing. */
type Confirmed = 'confirmed' | { not: string }

/**
 * Checks a code that a member entered. A wrong code is counted, so the caller must commit the transaction
 * even then.
 */
export async function confirm(
  transaction: Kysely<RegisterTables>,
  q: { member: string; email: string; code: string; by: string; now: number },
): Promise<Confirmed> {
  const key = keyOf(q)
  const at = new Date(q.now).toISOString()
  const row = await rowOf(transaction, key, at)
  const codes = await transaction
    .selectFrom('contact_code')
    .select('digest')
    .where('member', '=', key.member)
    .where('address', '=', key.address)
    .where('expires_at', '>', at)
    .execute()
  if (codes.length === 0) return { not: 'no code for it is good now' }
  if (row.tries >= MOST_TRIES) return { not: `${MOST_TRIES} wrong codes were given for it` }
  const isRight = isOneOf(
    digestOf(q.code),
    codes.map(({ digest }) => digest),
  )
  if (!isRight) {
    await set(transaction, key, { tries: row.tries + 1 })
    const left = MOST_TRIES - row.tries - 1
    return {
      not:
        left === 0 ? `${MOST_TRIES} wrong codes were given for it` : `the code is wrong, ${left} more tries`,
    }
  }
  const confirmed_until = new Date(q.now + CONFIRMED_MS).toISOString()
  await set(transaction, key, {
    ...{ confirmed_until, confirmed_at: at, confirmed_by: q.by, refused_at: null },
    ...{ asked_until: '', ask_at: new Date(q.now + CONFIRMED_MS - ASK_BEFORE_MS).toISOString(), tries: 0 },
  })
  await transaction
    .deleteFrom('contact_code')
    .where('member', '=', key.member)
    .where('address', '=', key.address)
    .execute()
  return 'confirmed'
}

/** Deletes letters older than a day, expired codes, and unconfirmed addresses that no live contract names. */
export function forgetContacts(record: Change, now: number): Promise<void> {
  return record(async (transaction) => {
    const at = new Date(now).toISOString()
    const yesterday = new Date(now - DAY_MS).toISOString()
    await transaction.deleteFrom('contact_letter').where('at', '<=', yesterday).execute()
    await transaction.deleteFrom('contact_code').where('expires_at', '<=', at).execute()
    await transaction
      .deleteFrom('contact_address')
      .where('confirmed_until', '<=', at)
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('contract_contact')
              .innerJoin('contract_version', (join) =>
                join
                  .onRef('contract_version.contract', '=', 'contract_contact.contract')
                  .onRef('contract_version.version', '=', 'contract_contact.version'),
              )
              .select('contract_contact.contract')
              .whereRef('contract_contact.member', '=', 'contact_address.member')
              .whereRef('contract_contact.address', '=', 'contact_address.address')
              .where('contract_version.state', 'in', LIVE),
          ),
        ),
      )
      .execute()
  })
}
