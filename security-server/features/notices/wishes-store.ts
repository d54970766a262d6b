/**
 * Stores who wants to be told where. One address of a person is confirmed once for all subsystems of this
 * server.
 */
import { randomUUID } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import { lockFor } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import type { NewNotice, NoticeLanguage, NoticeMode } from '#schemas/notices.ts'
import type { Time } from '#schemas/sent-values.ts'
import {
  BLOCK_MS,
  CODE_MS,
  CODE_REST_MS,
  DAY_MS,
  dayOf,
  MOST_ADDRESSES,
  MOST_CODES,
  MOST_TRIES,
} from './rules.ts'
import type { AddressRow, AddressState, NoticeTables } from './tables.ts'

/** A wish with its address. */
export type Wish = {
  id: string
  addressId: string
  channel: string
  sealed: string
  mode: NoticeMode
  language: NoticeLanguage
  about: string
  state: AddressState
  asked_at: Time
  confirmed_at: Time | null
}

export type StoppedAddress = Pick<AddressRow, 'id' | 'channel' | 'sealed' | 'counted'>

type Asked = Pick<NewNotice, 'channel' | 'mode' | 'language'> & {
  about: string
  person: string
  subsystem: string
  /** The digest of the address, and what counts are kept under. */
  digest: string
  counted: { address: string; person: string }
  seal: { person: string; address(id: string): string; code(letter: string): string }
  codeDigest: string
  now: number
}

/** Names of rows that say how far notices have come and whether somebody stopped them. */
type StateName = 'key' | 'position' | 'stopped'

export type WishStore = ReturnType<typeof createWishStore>

const iso = (ms: number): string => new Date(ms).toISOString()

export function createWishStore(database: Database) {
  const tables = tablesOf<NoticeTables>(database)

  const storedValue = async (name: StateName): Promise<string | undefined> =>
    (await tables.selectFrom('notice_state').select('value').where('name', '=', name).executeTakeFirst())
      ?.value

  const wishes = (kysely: Kysely<NoticeTables>, person: string, subsystem: string) =>
    kysely
      .selectFrom('notice_wish')
      .innerJoin('notice_address', 'notice_address.id', 'notice_wish.address')
      .select([
        'notice_wish.id',
        'notice_address.id as addressId',
        'channel',
        'sealed',
        'mode',
        'language',
        'about',
      ])
      .select(['state', 'notice_wish.asked_at', 'confirmed_at'])
      .where('notice_wish.person', '=', person)
      .where('subsystem', '=', subsystem)
      .orderBy('notice_wish.asked_at')

  return {
    noted: () => storedValue('key'),
    note: async (id: string): Promise<string> => {
      await tables
        .insertInto('notice_state')
        .values({ name: 'key', value: id })
        .onConflict((conflict) => conflict.column('name').doNothing())
        .execute()
      return (await storedValue('key')) ?? id
    },
    /** Who stopped all messages and when, as JSON. */
    stopped: () => storedValue('stopped'),
    setStopped: async (value: string | undefined): Promise<void> => {
      if (value === undefined) await tables.deleteFrom('notice_state').where('name', '=', 'stopped').execute()
      // In one statement: a crash between taking the old one out and putting the new one in would lose the
      // stop.
      else
        await tables
          .insertInto('notice_state')
          .values({ name: 'stopped', value })
          .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
          .execute()
    },

    wishesOf: (person: string, subsystem: string): Promise<Wish[]> =>
      wishes(tables, person, subsystem).execute(),

    /**
     * Notes a wish, and puts a letter with a code into the outbox if its address is not confirmed. Where too
     * many came to the address, or its owner wants none, no letter goes: the answer is the same. Throws
     * `invalid_request` for too many addresses, `too_many_requests` for too many codes of one person.
     */
    ask: (q: Asked): Promise<Wish> =>
      inTransaction(tables, async (transaction) => {
        await lockFor(transaction, 'notices')
        const address = await addressFor(transaction, q)
        if (address === undefined)
          throw new Fault('invalid_request', {
            what: `${MOST_ADDRESSES} addresses of one person: end one first`,
          })
        const id = await putWish(transaction, q, address)
        if (address.state !== 'CONFIRMED' && isRested(address, q.now)) {
          if ((await countOf(transaction, q.counted.person, dayOf(q.now))) >= MOST_CODES.person)
            throw new Fault('too_many_requests', { what: 'codes of this person today' })
          await addCount(transaction, q.counted.person, dayOf(q.now))
          await sendCode(transaction, q, { address: address.id, wish: id })
        }
        const own = await wishes(transaction, q.person, q.subsystem).execute()
        return own.find((one) => one.id === id)!
      }),

    /** Counts the try before it compares. */
    confirm: (q: {
      wish: string
      person: string
      subsystem: string
      isCode(digest: string): boolean
      now: number
    }): Promise<boolean> =>
      inTransaction(tables, async (transaction) => {
        await lockFor(transaction, 'notices')
        const wish = await transaction
          .selectFrom('notice_wish')
          .innerJoin('notice_address', 'notice_address.id', 'notice_wish.address')
          .select(['notice_address.id', 'state', 'code', 'code_at', 'tries'])
          .where('notice_wish.id', '=', q.wish)
          .where('notice_wish.person', '=', q.person)
          .where('subsystem', '=', q.subsystem)
          .executeTakeFirst()
        if (wish?.state === 'CONFIRMED') return true
        const { code = null, code_at: at = null, tries = 0 } = wish ?? {}
        if (wish === undefined || code === null || at === null) return false
        if (Date.parse(at) + CODE_MS <= q.now || Number(tries) >= MOST_TRIES) return false
        const isRight = q.isCode(code)
        const change = isRight
          ? { state: 'CONFIRMED' as const, confirmed_at: iso(q.now), code: null, tries: 0 }
          : { tries: Number(tries) + 1 }
        await transaction.updateTable('notice_address').set(change).where('id', '=', wish.id).execute()
        return isRight
      }),

    /** Ends one wish of the person at a subsystem, or all; returns how many. */
    end: (q: { person: string; subsystem: string; id?: string | undefined }): Promise<number> =>
      inTransaction(tables, async (transaction) => {
        await lockFor(transaction, 'notices')
        const own = await wishes(transaction, q.person, q.subsystem).execute()
        const ended = own.filter(({ id }) => q.id === undefined || id === q.id)
        for (const { id } of ended) await removeWish(transaction, id)
        return ended.length
      }),

    /**
     * By the token of a letter. Who never confirmed the address gets no more codes for a time: `blocked`
     * names it.
     */
    stop: (id: string, blocked: (address: StoppedAddress) => string, now: number): Promise<void> =>
      inTransaction(tables, async (transaction) => {
        await lockFor(transaction, 'notices')
        const wish = await transaction
          .selectFrom('notice_wish')
          .innerJoin('notice_address', 'notice_address.id', 'notice_wish.address')
          .select(['notice_address.id', 'channel', 'sealed', 'counted', 'state'])
          .where('notice_wish.id', '=', id)
          .executeTakeFirst()
        if (wish === undefined) return
        await removeWish(transaction, id)
        if (wish.state === 'ASKED') await addCount(transaction, blocked(wish), dayOf(now + BLOCK_MS))
      }),

    /** Addresses by state. */
    counts: async (): Promise<[AddressState, number][]> => {
      const rows = await tables
        .selectFrom('notice_wish')
        .innerJoin('notice_address', 'notice_address.id', 'notice_wish.address')
        .select(({ fn }) => ['state', fn.countAll<number>().as('count')])
        .groupBy('state')
        .execute()
      return rows.map(({ state, count }) => [state, Number(count)])
    },

    /**
     * Removes addresses that nobody confirmed within a day, those that failed a month ago, and old counts.
     */
    forget: (now: number): Promise<void> =>
      inTransaction(tables, async (transaction) => {
        await lockFor(transaction, 'notices')
        const old = await transaction
          .selectFrom('notice_address')
          .innerJoin('notice_wish', 'notice_wish.address', 'notice_address.id')
          .select('notice_wish.id')
          .where((is) =>
            is.or([
              is.and([
                is('state', '=', 'ASKED'),
                is(sql<string>`coalesce(code_at, notice_address.asked_at)`, '<', iso(now - CODE_MS)),
              ]),
              is.and([is('state', '=', 'FAILED'), is('failed_at', '<', iso(now - 30 * DAY_MS))]),
            ]),
          )
          .execute()
        for (const { id } of old) await removeWish(transaction, id)
        await transaction.deleteFrom('notice_count').where('day', '<', dayOf(now)).execute()
      }),

    /** All wishes, and the key's note: who wants to be told asks again. */
    removeAll: (): Promise<void> =>
      inTransaction(tables, async (transaction) => {
        await lockFor(transaction, 'notices')
        for (const name of [
          'notice_use',
          'notice_letter',
          'notice_wish',
          'notice_address',
          'notice_entry',
          'notice_person',
        ] as const)
          await transaction.deleteFrom(name).execute()
        await transaction.deleteFrom('notice_state').where('name', '=', 'key').execute()
      }),
  }
}

function isRested({ code_at }: Pick<AddressRow, 'code_at'>, now: number): boolean {
  return code_at === null || Math.abs(now - Date.parse(code_at)) >= CODE_REST_MS
}

/** Undefined when the person has too many. */
async function addressFor(transaction: Kysely<NoticeTables>, q: Asked): Promise<AddressRow | undefined> {
  const own = await transaction
    .selectFrom('notice_address')
    .selectAll()
    .where('person', '=', q.person)
    .execute()
  const known = own.find(({ channel, digest }) => channel === q.channel && digest === q.digest)
  if (known?.state === 'FAILED') {
    const anew = { state: 'ASKED' as const, code: null, code_at: null, tries: 0, failed_at: null }
    await transaction.updateTable('notice_address').set(anew).where('id', '=', known.id).execute()
    return { ...known, ...anew }
  }
  if (known !== undefined) return known
  if (own.length >= MOST_ADDRESSES) return undefined
  await transaction
    .insertInto('notice_person')
    .values({ person: q.person, sealed: q.seal.person, known: '' })
    .onConflict((conflict) => conflict.column('person').doNothing())
    .execute()
  const id = randomUUID()
  const row: AddressRow = {
    ...{ id, person: q.person, channel: q.channel, sealed: q.seal.address(id), digest: q.digest },
    ...{ state: 'ASKED', asked_at: iso(q.now), confirmed_at: null, failed_at: null },
    ...{ code: null, code_at: null, tries: 0, counted: q.counted.address },
  }
  await transaction.insertInto('notice_address').values(row).execute()
  return row
}

async function putWish(
  transaction: Kysely<NoticeTables>,
  q: Asked,
  { id: address }: AddressRow,
): Promise<string> {
  const { subsystem, person, mode, language, about } = q
  await transaction
    .insertInto('notice_wish')
    .values({
      ...{ id: randomUUID(), person, subsystem, address, mode, language, about, asked_at: iso(q.now) },
      ...{ look_at: null, rest_until: null, is_more: 0 },
    })
    .onConflict((conflict) =>
      conflict.columns(['subsystem', 'address']).doUpdateSet({ mode, language, about }),
    )
    .execute()
  const { id } = await transaction
    .selectFrom('notice_wish')
    .select('id')
    .where('subsystem', '=', subsystem)
    .where('address', '=', address)
    .executeTakeFirstOrThrow()
  // What waits is not told to who wants to hear of it no more.
  const gone = [
    ...(about.includes('uses') ? [] : ['uses' as const]),
    ...(about.includes('complaints') ? [] : ['complaint' as const]),
  ]
  if (gone.length > 0)
    await transaction
      .deleteFrom('notice_letter')
      .where('wish', '=', id)
      .where('kind', 'in', gone)
      .where('state', '=', 'WAITING')
      .execute()
  if (!about.includes('uses')) {
    await transaction.deleteFrom('notice_use').where('wish', '=', id).execute()
    await transaction
      .updateTable('notice_wish')
      .set({ look_at: null, is_more: 0 })
      .where('id', '=', id)
      .execute()
  }
  return id
}

async function sendCode(
  transaction: Kysely<NoticeTables>,
  q: Asked,
  { address, wish }: { address: string; wish: string },
): Promise<void> {
  const day = dayOf(q.now)
  const isBlocked = await transaction
    .selectFrom('notice_count')
    .select('name')
    .where('name', '=', `${q.counted.address} blocked`)
    .where('day', '>=', day)
    .executeTakeFirst()
  const isSent =
    isBlocked === undefined && (await countOf(transaction, q.counted.address, day)) < MOST_CODES.address
  await transaction
    .updateTable('notice_address')
    .set({ code: isSent ? q.codeDigest : null, code_at: iso(q.now), tries: 0 })
    .where('id', '=', address)
    .execute()
  if (!isSent) return
  await addCount(transaction, q.counted.address, day)
  const id = randomUUID()
  await transaction
    .insertInto('notice_letter')
    .values({
      ...{ id, address, wish, channel: q.channel, kind: 'code', fields: q.seal.code(id), state: 'WAITING' },
      ...{ created_at: iso(q.now), next_at: iso(q.now), ended_at: null, last_error: null, attempts: 0 },
    })
    .execute()
}

/**
 * With its uses and letters; its address when that has no other wish, and the person with the last address.
 */
async function removeWish(transaction: Kysely<NoticeTables>, id: string): Promise<void> {
  const wish = await transaction
    .selectFrom('notice_wish')
    .select(['address', 'person'])
    .where('id', '=', id)
    .executeTakeFirst()
  if (wish === undefined) return
  await transaction.deleteFrom('notice_use').where('wish', '=', id).execute()
  await transaction
    .deleteFrom('notice_letter')
    .where('wish', '=', id)
    .where('state', '=', 'WAITING')
    .execute()
  await transaction.deleteFrom('notice_wish').where('id', '=', id).execute()
  const others = transaction.selectFrom('notice_wish').select('id')
  if ((await others.where('address', '=', wish.address).executeTakeFirst()) !== undefined) return
  await transaction.deleteFrom('notice_address').where('id', '=', wish.address).execute()
  const left = transaction.selectFrom('notice_address').select('id')
  if ((await left.where('person', '=', wish.person).executeTakeFirst()) !== undefined) return
  await transaction.deleteFrom('notice_entry').where('person', '=', wish.person).execute()
  await transaction.deleteFrom('notice_person').where('person', '=', wish.person).execute()
}

export async function countOf(kysely: Kysely<NoticeTables>, name: string, day: string): Promise<number> {
  const row = await kysely
    .selectFrom('notice_count')
    .select('count')
    .where('name', '=', name)
    .where('day', '=', day)
    .executeTakeFirst()
  return Number(row?.count ?? 0)
}

export async function addCount(transaction: Kysely<NoticeTables>, name: string, day: string): Promise<void> {
  await transaction
    .insertInto('notice_count')
    .values({ name, day, count: 1 })
    .onConflict((conflict) =>
      conflict.columns(['name', 'day']).doUpdateSet((old) => ({ count: old('notice_count.count', '+', 1) })),
    )
    .execute()
}
