/**
 * Stores letters on their way. One that has ended keeps nothing of a person: when, by which channel, and how
 * it ended.
 */
import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { lockFor } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf, type Within } from '#platform/database/open-database.ts'
import { whereOver } from '#platform/database/where-over.ts'
import { DAY_MS, dayOf, longestLook, nextDay, nextLook } from './rules.ts'
import type { LetterState, NoticeTables } from './tables.ts'
import { addCount, countOf } from './wishes-store.ts'

export type LetterStore = ReturnType<typeof createLetterStore>

/** A letter that is due, with where it goes. */
export type DueLetter = Awaited<ReturnType<LetterStore['due']>>[number]

const KEPT_MS = 30 * DAY_MS
/** Between two tries. */
export const LONGEST_PAUSE_MS = 6 * 3_600_000
const iso = (ms: number): string => new Date(ms).toISOString()
/** Only news of complaints that were never tried wait for a digest. */
const isDueAt = (now: number) =>
  sql<boolean>`(${whereOver('next_at', { now: iso(now), longestMs: longestLook('weekly') })}
    or ((kind <> 'complaint' or attempts > 0) and ${whereOver('next_at', { now: iso(now), longestMs: LONGEST_PAUSE_MS })}))`
/**
 * Under which channels letters of this one are stored. A node of the version before knows no letter about a
 * complaint, would send it as one of uses, and asks for none of the second.
 */
const storedAs = (channel: string) => [channel, `${channel} complaint`] as const
const CHANNEL = sql<string>`replace(channel, ' complaint', '')`

export function createLetterStore(database: Database) {
  const tables = tablesOf<NoticeTables>(database)
  return {
    isDue: async (channel: string, now: number): Promise<boolean> =>
      (await tables
        .selectFrom('notice_letter')
        .select('id')
        .where('state', '=', 'WAITING')
        .where(isDueAt(now))
        .where('channel', 'in', storedAs(channel))
        .limit(1)
        .executeTakeFirst()) !== undefined,
    due: (channel: string, now: number, limit: number) =>
      tables
        .selectFrom('notice_letter')
        .innerJoin('notice_wish', 'notice_wish.id', 'notice_letter.wish')
        .innerJoin('notice_address', 'notice_address.id', 'notice_wish.address')
        .select(['notice_letter.id', 'kind', 'fields', 'attempts', 'created_at'])
        .select(['wish', 'subsystem', 'language', 'notice_address.id as address', 'sealed'])
        .where('notice_letter.state', '=', 'WAITING')
        .where(isDueAt(now))
        .where('notice_letter.channel', 'in', storedAs(channel))
        .orderBy('next_at')
        .limit(limit)
        .execute(),
    /** Whether it is still to be sent: it goes with its wish. */
    isWaiting: async (id: string): Promise<boolean> =>
      (await tables
        .selectFrom('notice_letter')
        .select('id')
        .where('id', '=', id)
        .where('state', '=', 'WAITING')
        .executeTakeFirst()) !== undefined,
    /** `error` contains no address. */
    tried: async (id: string, q: { error: string; nextAt: number }): Promise<void> => {
      await tables
        .updateTable('notice_letter')
        .set(({ eb }) => ({
          attempts: eb('attempts', '+', 1),
          last_error: q.error,
          next_at: iso(q.nextAt),
        }))
        .where('id', '=', id)
        .execute()
    },
    /** With an address at which nothing arrives, no wish there is told any more. */
    end: (
      { id, address }: { id: string; address: string },
      q: { state: Exclude<LetterState, 'WAITING'>; error: string | null; now: number },
    ): Promise<void> =>
      inTransaction(tables, async (transaction) => {
        await transaction
          .updateTable('notice_letter')
          .set(({ eb }) => ({
            ...{ state: q.state, fields: '{}', last_error: q.error, ended_at: iso(q.now) },
            attempts: eb('attempts', '+', 1),
          }))
          .where('id', '=', id)
          .execute()
        if (q.state === 'SENT') return
        await transaction
          .updateTable('notice_address')
          .set({ state: 'FAILED', failed_at: iso(q.now), code: null })
          .where('id', '=', address)
          .execute()
        const wishes = transaction.selectFrom('notice_wish').select('id').where('address', '=', address)
        await transaction.deleteFrom('notice_use').where('wish', 'in', wishes).execute()
        await transaction
          .deleteFrom('notice_letter')
          .where('wish', 'in', wishes)
          .where('state', '=', 'WAITING')
          .execute()
      }),
    /**
     * A letter to whoever's entry this is and who wants to be told of complaints at this subsystem, at the
     * time that they chose. One letter that waits is enough for all that was answered meanwhile. `within`:
     * the transaction that answers.
     */
    tellOfComplaint: async (
      q: { subsystem: string; entry: string; perDay: number; now: number },
      within: Within,
    ): Promise<void> => {
      const transaction = tablesOf<NoticeTables>({ kysely: within })
      await lockFor(transaction, 'notices')
      const wishes = await transaction
        .selectFrom('notice_wish')
        .innerJoin('notice_address', 'notice_address.id', 'notice_wish.address')
        .innerJoin('notice_entry', 'notice_entry.person', 'notice_wish.person')
        .select(['notice_wish.id', 'notice_wish.person', 'notice_wish.address', 'channel', 'mode'])
        .where('entry', '=', q.entry)
        .where('subsystem', '=', q.subsystem)
        .where('about', 'like', '%complaints%')
        .where('state', '=', 'CONFIRMED')
        .execute()
      for (const { id: wish, person, address, channel, mode } of wishes) {
        const waiting = await transaction
          .selectFrom('notice_letter')
          .select('id')
          .where('wish', '=', wish)
          .where('kind', '=', 'complaint')
          .where('state', '=', 'WAITING')
          .executeTakeFirst()
        if (waiting !== undefined) continue
        const counted = `sent ${person}`
        const isFull = (await countOf(transaction, counted, dayOf(q.now))) >= q.perDay
        const [, stored] = storedAs(channel)
        const at = nextLook(mode, q.now, isFull ? nextDay(q.now) : null)
        await addCount(transaction, counted, at.slice(0, 10))
        await transaction
          .insertInto('notice_letter')
          .values({
            ...{ id: randomUUID(), address, wish, channel: stored, kind: 'complaint', fields: '{}' },
            state: 'WAITING',
            ...{ created_at: at, next_at: at, ended_at: null, last_error: null, attempts: 0 },
          })
          .execute()
      }
    },
    /** Of the last thirty days. */
    counts: async (): Promise<{ channel: string; state: LetterState; letters: number }[]> => {
      const rows = await tables
        .selectFrom('notice_letter')
        .select(({ fn }) => [CHANNEL.as('channel'), 'state', fn.countAll<number>().as('letters')])
        .groupBy([CHANNEL, 'state'])
        .orderBy(CHANNEL)
        .orderBy('state')
        .execute()
      return rows.map((row) => ({ ...row, letters: Number(row.letters) }))
    },
    /** Why the newest ones did not arrive at first, or at all. */
    failures: (limit: number) =>
      tables
        .selectFrom('notice_letter')
        .select(['id', CHANNEL.as('channel'), 'state', 'attempts', 'created_at', 'ended_at', 'last_error'])
        .where('last_error', 'is not', null)
        .orderBy('created_at', 'desc')
        .limit(limit)
        .execute(),
    forget: async (now: number): Promise<void> => {
      await tables
        .deleteFrom('notice_letter')
        .where('ended_at', '<', iso(now - KEPT_MS))
        .execute()
    },
  }
}
