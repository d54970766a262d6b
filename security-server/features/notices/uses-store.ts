/**
 * Stores which requests are to be told, and how far the index by person was looked at. Uses and the position
 * are one transaction, and so are the letter and the uses that it tells: after a crash nothing is told twice,
 * and nothing is left out.
 */
import { randomUUID } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import { lockFor } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { whereOver } from '#platform/database/where-over.ts'
import { NOTICE_MODES } from '#schemas/notices.ts'
import type { Time } from '#schemas/sent-values.ts'
import { dayOf, longestLook, nextLook } from './rules.ts'
import type { NoticeTables, WishRow } from './tables.ts'
import { addCount, countOf } from './wishes-store.ts'

/** A wish that is due, at a confirmed address. */
export type DueWish = WishRow & { channel: string }

export type UsesStore = ReturnType<typeof createUsesStore>

/** Uses of one wish that are kept; of more it is only known that they are. */
const MOST_USES = 10_000
const AT_ONCE = 500

const iso = (ms: number): string => new Date(ms).toISOString()

export function createUsesStore(database: Database) {
  const tables = tablesOf<NoticeTables>(database)
  return {
    /** Undefined before the first look. */
    position: async (): Promise<number | undefined> => {
      const row = await tables
        .selectFrom('notice_state')
        .select('value')
        .where('name', '=', 'position')
        .executeTakeFirst()
      return row === undefined ? undefined : Number(row.value)
    },
    hasConfirmed: async (): Promise<boolean> =>
      (await tables
        .selectFrom('notice_address')
        .select('id')
        .where('state', '=', 'CONFIRMED')
        .limit(1)
        .executeTakeFirst()) !== undefined,

    /** People with a confirmed address whose entries of one of these months and keys are not here. */
    without: (known: string[], limit: number) =>
      known.length === 0
        ? Promise.resolve([])
        : tables
            .selectFrom('notice_person')
            .selectAll()
            .where((is) => is.or(known.map((one) => is('known', 'not like', `%${one} %`))))
            .where((is) =>
              is.exists(
                is
                  .selectFrom('notice_address')
                  .select('notice_address.id')
                  .whereRef('notice_address.person', '=', 'notice_person.person')
                  .where('state', '=', 'CONFIRMED'),
              ),
            )
            .limit(limit)
            .execute(),
    addEntries: (person: string, entries: string[], known: string): Promise<void> =>
      inTransaction(tables, async (transaction) => {
        // Somebody may have ended the wish meanwhile.
        const changed = await transaction
          .updateTable('notice_person')
          .set({ known })
          .where('person', '=', person)
          .executeTakeFirst()
        if (changed.numUpdatedRows === 0n) return
        for (const entry of entries)
          await transaction
            .insertInto('notice_entry')
            .values({ entry, person })
            .onConflict((conflict) => conflict.columns(['entry', 'person']).doNothing())
            .execute()
      }),
    /** Whose entries these are. */
    peopleOf: async (entries: string[]): Promise<Map<string, string>> => {
      const found = new Map<string, string>()
      for (let at = 0; at < entries.length; at += AT_ONCE)
        for (const { entry, person } of await tables
          .selectFrom('notice_entry')
          .selectAll()
          .where('entry', 'in', entries.slice(at, at + AT_ONCE))
          .execute())
          found.set(entry, person)
      return found
    },

    /** Notes the requests for every confirmed wish of these people, and moves the position. */
    put: (q: { to: number; uses: { person: string; idx: number }[]; now: number }): Promise<void> =>
      inTransaction(tables, async (transaction) => {
        await lockFor(transaction, 'notices')
        const value = String(q.to)
        await transaction
          .insertInto('notice_state')
          .values({ name: 'position', value })
          .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
          .execute()
        for (const [person, uses] of Map.groupBy(q.uses, (one) => one.person))
          for (const wish of await confirmedOf(transaction, person))
            await noteUses(transaction, wish, { indexes: uses.map(({ idx }) => idx), now: q.now })
      }),

    /**
     * Confirmed wishes whose uses are to be looked at, in an order in which `after` is the last of the page
     * before.
     */
    due: async (now: number, limit: number, after?: DueWish): Promise<DueWish[]> => {
      let query = tables
        .selectFrom('notice_wish')
        .innerJoin('notice_address', 'notice_address.id', 'notice_wish.address')
        .selectAll('notice_wish')
        .select('channel')
        .where((is) =>
          is.or(
            NOTICE_MODES.map((mode) =>
              is.and([
                is('mode', '=', mode),
                whereOver('look_at', { now: iso(now), longestMs: longestLook(mode) }),
              ]),
            ),
          ),
        )
        // A node of the version before notes uses for every wish.
        .where('about', 'like', '%uses%')
        .where('state', '=', 'CONFIRMED')
      if (after !== undefined)
        query = query.where((is) =>
          is.or([
            is('look_at', '>', after.look_at),
            is.and([is('look_at', '=', after.look_at), is('notice_wish.id', '>', after.id)]),
          ]),
        )
      const rows = await query.orderBy('look_at').orderBy('notice_wish.id').limit(limit).execute()
      return rows.map((row) => ({ ...row, is_more: Number(row.is_more) }))
    },
    usesOf: async (wish: string): Promise<number[]> => {
      const rows = await tables
        .selectFrom('notice_use')
        .select('idx')
        .where('wish', '=', wish)
        .orderBy('idx')
        .execute()
      return rows.map(({ idx }) => Number(idx))
    },
    /** Messages of uses to this person on this day. */
    sentOn: (name: string, now: number): Promise<number> => countOf(tables, name, dayOf(now)),
    lookLater: async (wish: string, at: string | null): Promise<void> => {
      await tables.updateTable('notice_wish').set({ look_at: at }).where('id', '=', wish).execute()
    },

    /**
     * Takes what was told, or is never told, out of the uses; with a letter, counts it and puts it into the
     * outbox.
     */
    tell: (q: {
      wish: DueWish
      done: number[]
      lookAt: Time | null
      letter?: { fields: object; restUntil: string; counted: string }
      now: number
    }): Promise<void> =>
      inTransaction(tables, async (transaction) => {
        await lockFor(transaction, 'notices')
        const { wish, done, letter, now } = q
        for (let at = 0; at < done.length; at += AT_ONCE)
          await transaction
            .deleteFrom('notice_use')
            .where('wish', '=', wish.id)
            .where('idx', 'in', done.slice(at, at + AT_ONCE))
            .execute()
        const change = letter && { rest_until: letter.restUntil, is_more: 0 }
        const changed = await transaction
          .updateTable('notice_wish')
          .set({ look_at: q.lookAt, ...change })
          .where('id', '=', wish.id)
          .executeTakeFirst()
        // Ended meanwhile: nobody is told.
        if (letter === undefined || changed.numUpdatedRows === 0n) return
        await addCount(transaction, letter.counted, dayOf(now))
        await transaction
          .insertInto('notice_letter')
          .values({
            ...{ id: randomUUID(), address: wish.address, wish: wish.id, channel: wish.channel },
            ...{ kind: 'uses', fields: JSON.stringify(letter.fields), state: 'WAITING' },
            ...{ created_at: iso(now), next_at: iso(now), ended_at: null, last_error: null, attempts: 0 },
          })
          .execute()
      }),
  }
}

function confirmedOf(transaction: Kysely<NoticeTables>, person: string): Promise<WishRow[]> {
  return transaction
    .selectFrom('notice_wish')
    .innerJoin('notice_address', 'notice_address.id', 'notice_wish.address')
    .selectAll('notice_wish')
    .where('notice_wish.person', '=', person)
    .where('about', 'like', '%uses%')
    .where('state', '=', 'CONFIRMED')
    .execute()
}

async function noteUses(
  transaction: Kysely<NoticeTables>,
  wish: WishRow,
  { indexes, now }: { indexes: number[]; now: number },
): Promise<void> {
  const { count } = await transaction
    .selectFrom('notice_use')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('wish', '=', wish.id)
    .executeTakeFirstOrThrow()
  const room = Math.max(0, MOST_USES - Number(count))
  for (const idx of indexes.slice(0, room))
    await transaction
      .insertInto('notice_use')
      .values({ wish: wish.id, idx })
      .onConflict((conflict) => conflict.columns(['wish', 'idx']).doNothing())
      .execute()
  const look = nextLook(wish.mode, now, wish.rest_until)
  await transaction
    .updateTable('notice_wish')
    .set({
      // What is withheld is looked at again and again: a new use does not wait for that.
      look_at: sql<string>`case when look_at is null or look_at > ${look} then ${look} else look_at end`,
      ...(indexes.length > room && { is_more: 1 }),
    })
    .where('id', '=', wish.id)
    .execute()
}
