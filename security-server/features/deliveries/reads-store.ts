/** What a box has: by id, by what time did to it, and for people. */

import { type Database, tablesOf } from '#platform/database/open-database.ts'
import { whereOver } from '#platform/database/where-over.ts'
import type { Whole } from '#schemas/sent-values.ts'
import { type Boxes, type OfBox, rowOf, type Stored } from './claims-store.ts'
import { AT_ONCE } from './lanes-store.ts'
import {
  type DeliveryState,
  LONGEST_CLAIM_MS,
  LONGEST_UNASKED_MS,
  LONGEST_WAIT_MS,
  type Tables,
} from './tables.ts'

export type BoxFilter = {
  state?: DeliveryState | undefined
  service?: string | undefined
  delivery?: string | undefined
  /** Rows that are more secret are left out. */
  clearance?: number | undefined
}

export function boxReads<Name extends keyof Boxes>(database: Database, name: Name) {
  type Row = Stored<Boxes[Name]>
  const tables = tablesOf<Tables>(database)
  // Both tables have the columns that are used here.
  const box = name as 'outbox'

  return {
    find: async (position: number): Promise<Row | undefined> => {
      const row = await tables.selectFrom(box).selectAll().where('position', '=', position).executeTakeFirst()
      return row === undefined ? undefined : rowOf<Row>(row)
    },
    byDelivery: async (delivery: string): Promise<Row[]> =>
      (await tables.selectFrom(box).selectAll().where('delivery', '=', delivery).limit(20).execute()).map(
        rowOf<Row>,
      ),

    /**
     * Of the inbox: what this sender has sent there under the id of a delivery, which others may have used as
     * well.
     */
    firstOf: async (q: { delivery: string; client: string; service: string }) => {
      const row = await tables
        .selectFrom('inbox')
        .selectAll()
        .where('delivery', '=', q.delivery)
        .where('client', '=', q.client)
        .where('service', '=', q.service)
        .orderBy('position')
        .limit(1)
        .executeTakeFirst()
      return row === undefined ? undefined : rowOf<Stored<Boxes['inbox']>>(row)
    },

    byDeliveries: async (deliveries: string[]): Promise<Row[]> =>
      deliveries.length === 0
        ? []
        : (await tables.selectFrom(box).selectAll().where('delivery', 'in', deliveries).execute()).map(
            rowOf<Row>,
          ),

    /** Whether `claim` would find anything for one of these. */
    isAnyDue: async (q: {
      of: Boxes[Name][OfBox[Name] & keyof Boxes[Name]][]
      keys: string[]
      now: string
    }): Promise<boolean> => {
      if (q.of.length === 0 || q.keys.length === 0) return false
      const due = await tables
        .selectFrom(box)
        .select('position')
        .where((name === 'outbox' ? 'route' : 'service') as 'route', 'in', q.of as never)
        .where('state', '=', 'waiting')
        .where('ready', '=', 1)
        .where(whereOver('due_at', { now: q.now, longestMs: LONGEST_WAIT_MS }))
        .where(whereOver('claimed_until', { now: q.now, longestMs: LONGEST_CLAIM_MS }))
        .where('key_id', 'in', q.keys)
        .limit(1)
        .executeTakeFirst()
      return due !== undefined
    },

    /** Rows that expired and that nobody works on. */
    expired: async (now: string): Promise<Row[]> => {
      const found: Row[] = []
      // A state at a time, so that the index leads straight to them.
      for (const state of ['waiting', 'dead'] as const) {
        const rows = await tables
          .selectFrom(box)
          .selectAll()
          .where('state', '=', state)
          .where('expires_at', '>', '')
          .where('expires_at', '<=', now)
          .where(whereOver('claimed_until', { now, longestMs: LONGEST_CLAIM_MS }))
          .limit(64)
          .execute()
        found.push(...rows.map(rowOf<Row>))
      }
      return found
    },

    isAnyExpired: async (now: string): Promise<boolean> => {
      for (const state of ['waiting', 'dead'] as const) {
        const row = await tables
          .selectFrom(box)
          .select('position')
          .where('state', '=', state)
          .where('expires_at', '>', '')
          .where('expires_at', '<=', now)
          .where(whereOver('claimed_until', { now, longestMs: LONGEST_CLAIM_MS }))
          .limit(1)
          .executeTakeFirst()
        if (row !== undefined) return true
      }
      return false
    },

    /** Dead rows, of these positions or the oldest, at most 500. */
    dead: async (positions: number[] | undefined): Promise<Row[]> => {
      let query = tables.selectFrom(box).selectAll().where('state', '=', 'dead')
      if (positions !== undefined) query = query.where('position', 'in', positions)
      return (await query.orderBy('position').limit(AT_ONCE).execute()).map(rowOf<Row>)
    },

    /** Rows in a state since before a time. */
    unchanged: async (state: DeliveryState, before: string, limit = AT_ONCE): Promise<Row[]> => {
      const rows = await tables
        .selectFrom(box)
        .selectAll()
        .where('state', '=', state)
        .where('changed_at', '<', before)
        .orderBy('changed_at')
        .limit(limit)
        .execute()
      return rows.map(rowOf<Row>)
    },
    /** Delivered before a time, and due to be asked for. */
    unanswered: async (q: { before: string; now: string; limit: number }): Promise<Row[]> => {
      const rows = await tables
        .selectFrom(box)
        .selectAll()
        .where('state', '=', 'delivered')
        .where('changed_at', '<', q.before)
        .where(whereOver('due_at', { now: q.now, longestMs: LONGEST_UNASKED_MS }))
        .orderBy('changed_at')
        .limit(q.limit)
        .execute()
      return rows.map(rowOf<Row>)
    },
    askLater: async (position: number, at: string): Promise<void> => {
      await tables
        .updateTable(box)
        .set({ due_at: at })
        .where('position', '=', position)
        .where('state', '=', 'delivered')
        .execute()
    },
    list: async (filter: BoxFilter & { before?: number | undefined; limit: number }): Promise<Row[]> => {
      let query = tables.selectFrom(box).selectAll()
      if (filter.state !== undefined) query = query.where('state', '=', filter.state)
      if (filter.delivery !== undefined) query = query.where('delivery', '=', filter.delivery)
      if (filter.clearance !== undefined) query = query.where('secrecy', '<=', filter.clearance)
      if (filter.before !== undefined) query = query.where('position', '<', filter.before)
      if (filter.service !== undefined && name === 'inbox')
        query = query.where('service' as 'lane', '=', filter.service)
      if (filter.service !== undefined && name === 'outbox')
        query = query.where('route', 'in', (is) =>
          is.selectFrom('delivery_route').select('id').where('service', '=', filter.service!),
        )
      return (await query.orderBy('position', 'desc').limit(filter.limit).execute()).map(rowOf<Row>)
    },
    /** How many rows of the outbox wait on the way between these two, counted up to `most`. */
    waitingFor: async (q: { client: string; service: string; most: number }): Promise<number> => {
      const { rows } = await tables
        .selectFrom((is) =>
          is
            .selectFrom('outbox')
            .innerJoin('delivery_route', 'delivery_route.id', 'outbox.route')
            .select('position')
            .where('client', '=', q.client)
            .where('service', '=', q.service)
            .where('state', '=', 'waiting')
            .limit(q.most)
            .as('some'),
        )
        .select(({ fn }) => fn.countAll<number>().as('rows'))
        .executeTakeFirstOrThrow()
      return Number(rows)
    },
    /** How many rows there are in each of these states, counted up to `most`: there may be millions. */
    counts: async (states: readonly DeliveryState[], most: number): Promise<Record<string, Whole>> => {
      const counted: Record<string, number> = {}
      for (const state of states) {
        const { rows } = await tables
          .selectFrom((is) =>
            is.selectFrom(box).select('position').where('state', '=', state).limit(most).as('some'),
          )
          .select(({ fn }) => fn.countAll<number>().as('rows'))
          .executeTakeFirstOrThrow()
        counted[state] = Number(rows)
      }
      return counted
    },
  }
}
