/** What is asked of subscriptions: by their subscriber, by the publisher, and by people. */
import { type Kysely, type Selectable, sql } from 'kysely'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import { whereOver } from '#platform/database/where-over.ts'
import type { Whole } from '#schemas/sent-values.ts'
import { LONGEST_WAIT_MS, type SubscriptionRow, type SubscriptionState, type Tables } from './tables.ts'
import { containing } from './type-store.ts'

export type StoredSubscription = Selectable<SubscriptionRow>

const MOST_OF_SUBSCRIBER = 100
const MOST_COUNTED = 10_000
const MOST_TO_INBOX = 500
/** What may still be given something. */
export const LIVE: readonly SubscriptionState[] = ['active', 'suspended', 'stopped']

/** Active ones of a type that stand before its last event, or suspended ones. */
export type Due = { type: number; last: number } | 'suspended'

/** Those to an inbox for which there is something to do now. */
export function dueOf(tables: Pick<Kysely<Tables>, 'selectFrom'>, of: Due, now: string) {
  const all =
    of === 'suspended'
      ? tables
          .selectFrom('room_subscription')
          .select('id')
          .where('inbox', '<>', '')
          .where('state', '=', 'suspended')
          .orderBy('due_at')
      : behind(tables, of).orderBy('cursor')
  const held = { now, longestMs: LONGEST_WAIT_MS }
  return all.where(whereOver('due_at', held)).where(whereOver('claimed_until', held))
}

function behind(tables: Pick<Kysely<Tables>, 'selectFrom'>, { type, last }: Exclude<Due, string>) {
  return tables
    .selectFrom('room_subscription')
    .select('id')
    .where('inbox', '<>', '')
    .where('state', '=', 'active')
    .where('type', '=', type)
    .where('cursor', '<', last)
}

export function subscriptionReads(database: Database) {
  const tables = tablesOf<Tables>(database)

  return {
    /** Whether there is something to do for any of these: see `claim`. */
    isDue: async (of: Due, now: string): Promise<boolean> =>
      (await dueOf(tables, of, now).limit(1).executeTakeFirst()) !== undefined,
    /** Whether an active subscription to an inbox stands before the last event of a type, due or not. */
    isAnyBehind: async ({ type, last }: Exclude<Due, string>): Promise<boolean> => {
      const row = await behind(tables, { type, last }).limit(1).executeTakeFirst()
      return row !== undefined
    },
    /** Whether an operator ended one before a time. */
    isAnyEnded: async (before: string): Promise<boolean> => {
      const row = await tables
        .selectFrom('room_subscription')
        .select('id')
        .where('state', '=', 'ended')
        .where('changed_at', '<', before)
        .limit(1)
        .executeTakeFirst()
      return row !== undefined
    },
    byId: async (id: number): Promise<StoredSubscription | undefined> => {
      const row = await tables
        .selectFrom('room_subscription')
        .selectAll()
        .where('id', '=', id)
        .executeTakeFirst()
      return row === undefined ? undefined : subscriptionOf(row)
    },
    /**
     * Those of one subscriber in a room, at most 100 after one; for one of its types, by id or inbox where
     * they are named.
     */
    ofSubscriber: async (q: {
      room: string
      subscriber: string
      type?: number
      id?: number | undefined
      inbox?: string | undefined
      after?: number
    }): Promise<StoredSubscription[]> => {
      let query = tables
        .selectFrom('room_subscription')
        .selectAll()
        .where('subscriber', '=', q.subscriber)
        .where('room', '=', q.room)
      if (q.type !== undefined) query = query.where('type', '=', q.type)
      if (q.id !== undefined) query = query.where('id', '=', q.id)
      if (q.inbox !== undefined) query = query.where('inbox', '=', q.inbox)
      if (q.after !== undefined) query = query.where('id', '>', q.after)
      return (await query.orderBy('id').limit(MOST_OF_SUBSCRIBER).execute()).map(subscriptionOf)
    },
    /** Active ones of this publisher's rooms to this inbox, at most 500. */
    activeTo: async (q: { client: string; service: string }): Promise<StoredSubscription[]> => {
      const rows = await tables
        .selectFrom('room_subscription')
        .selectAll()
        .where('subscriber', '=', ownerOf(q.service))
        .where('inbox', '=', q.service)
        .where('state', '=', 'active')
        .orderBy('id')
        .limit(MOST_TO_INBOX)
        .execute()
      return rows.map(subscriptionOf).filter(({ room }) => ownerOf(room) === q.client)
    },
    /** How many are suspended by this error, counted up to `most`. */
    suspendedBy: async (error: string, most: number): Promise<number> => {
      const { rows } = await tables
        .selectFrom((is) =>
          is
            .selectFrom('room_subscription')
            .select('id')
            .where('state', '=', 'suspended')
            .where('error', '=', error)
            .limit(most)
            .as('some'),
        )
        .select(({ fn }) => fn.countAll<number>().as('rows'))
        .executeTakeFirstOrThrow()
      return Number(rows)
    },
    /** Another room from which events go to this inbox. */
    otherRoom: async (q: {
      inbox: string
      subscriber: string
      room: string
    }): Promise<string | undefined> => {
      const rows = await tables
        .selectFrom('room_subscription')
        .select('room')
        .distinct()
        .where('subscriber', '=', q.subscriber)
        .where('inbox', '=', q.inbox)
        .where('room', '<>', q.room)
        .where('state', '<>', 'ended')
        .execute()
      const publisher = ownerOf(q.room)
      return rows.find(({ room }) => ownerOf(room) === publisher)?.room
    },
    /**
     * For people: newest first, before one. `search` is a part of the subscriber or the inbox. What is more
     * secret than `clearance` is not found by its parties.
     */
    list: async (q: {
      room?: string | undefined
      type?: number | undefined
      state?: SubscriptionState | undefined
      search?: string | undefined
      before?: number | undefined
      limit: number
      clearance: number
    }): Promise<StoredSubscription[]> => {
      let query = tables.selectFrom('room_subscription').selectAll()
      if (q.room !== undefined) query = query.where('room', '=', q.room)
      if (q.type !== undefined) query = query.where('type', '=', q.type)
      if (q.state !== undefined) query = query.where('state', '=', q.state)
      if (q.before !== undefined) query = query.where('id', '<', q.before)
      const { search } = q
      if (q.room !== undefined || q.type !== undefined || search !== undefined)
        query = query.where('secrecy', '<=', q.clearance)
      if (search !== undefined)
        query = query.where(({ or }) => or([containing('subscriber', search), containing('inbox', search)]))
      return (await query.orderBy('id', 'desc').limit(q.limit).execute()).map(subscriptionOf)
    },
    /**
     * How many subscriptions each state has, counted up to 10,000; of one type where it is named, as far as
     * `clearance` reaches.
     */
    counts: async (
      states: readonly SubscriptionState[],
      of?: { type: number; clearance: number } | undefined,
    ): Promise<Record<SubscriptionState, Whole>> => {
      const counted: Record<string, number> = {}
      for (const state of states) {
        const { rows } = await tables
          .selectFrom((is) => {
            const some = is.selectFrom('room_subscription').select('id').where('state', '=', state)
            const found =
              of === undefined ? some : some.where('type', '=', of.type).where('secrecy', '<=', of.clearance)
            return found.limit(MOST_COUNTED).as('some')
          })
          .select(({ fn }) => fn.countAll<number>().as('rows'))
          .executeTakeFirstOrThrow()
        counted[state] = Number(rows)
      }
      return counted
    },
    /** Of how many live subscriptions of a type how many have gone past an event. */
    passed: async (type: number, sequence: number): Promise<{ subscriptions: number; passed: number }> => {
      const row = await tables
        .selectFrom('room_subscription')
        .select(({ fn }) => [
          fn.countAll<number>().as('all'),
          fn.sum<number>(sql`case when cursor >= ${sequence} then 1 else 0 end`).as('passed'),
        ])
        .where('type', '=', type)
        .where('state', 'in', LIVE)
        .executeTakeFirstOrThrow()
      return { subscriptions: Number(row.all), passed: Number(row.passed ?? 0) }
    },
  }
}

/** The subsystem of a service, both as texts. */
function ownerOf(service: string): string {
  return service.slice(0, service.lastIndexOf('/'))
}

/** One of the stores gives numbers as texts. */
export function subscriptionOf(row: StoredSubscription): StoredSubscription {
  return {
    ...{ ...row, id: Number(row.id), type: Number(row.type), cursor: Number(row.cursor) },
    ...{ given: Number(row.given), filter_errors: Number(row.filter_errors), reused: Number(row.reused) },
    ...{ failures: Number(row.failures), record: Number(row.record) },
    secrecy: row.secrecy === null ? null : Number(row.secrecy),
  }
}
