/**
 * The rows of the ways from our subsystems to inboxes elsewhere: whether they are open, and how far their
 * receipts were taken.
 */
import type { Kysely } from 'kysely'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import { whereOver } from '#platform/database/where-over.ts'
import { isOver } from '#platform/not-before.ts'
import { outboxWays } from './outbox-places-store.ts'
import { asRoute, receiptTimes } from './receipt-times-store.ts'
import { LONGEST_CLAIM_MS, LONGEST_WAIT_MS, type Route, type Tables } from './tables.ts'

export type RouteStore = ReturnType<typeof createRouteStore>

const AT_ONCE = 100

export function createRouteStore(database: Database) {
  const tables = tablesOf<Tables>(database)
  const known = new Map<string, { id: number; secrecy: number }>()
  const parties = new Map<number, Pick<Route, 'client' | 'service'>>()

  return {
    ...receiptTimes(database),
    ...outboxWays(database),
    /**
     * The id of the way between these two, made when it is new. It is as secret as the least secret message
     * on it.
     */
    idOf: async (client: string, service: string, secrecy: number): Promise<number> => {
      const name = `${client} ${service}`
      const before = known.get(name)
      if (before !== undefined && before.secrecy <= secrecy) return before.id
      const row = { client, service, failures: 0, next_at: '', error: '', secrecy }
      await tables
        .insertInto('delivery_route')
        .values({ ...row, receipts_after: 0, receipts_at: '', receipts_wait: 0 })
        .onConflict((conflict) => conflict.columns(['client', 'service']).doNothing())
        .execute()
      const found = await tables
        .selectFrom('delivery_route')
        .select(['id', 'secrecy'])
        .where('client', '=', client)
        .where('service', '=', service)
        .executeTakeFirstOrThrow()
      const id = Number(found.id)
      if (Number(found.secrecy) > secrecy)
        await tables
          .updateTable('delivery_route')
          .set({ secrecy })
          .where('id', '=', id)
          .where('secrecy', '>', secrecy)
          .execute()
      if (known.size > 10_000) known.clear()
      known.set(name, { id, secrecy: Math.min(secrecy, Number(found.secrecy)) })
      return id
    },
    /** The inboxes to which anything was sent that is no more secret than this, in order. */
    services: async (limit: number, clearance: number): Promise<string[]> =>
      (
        await tables
          .selectFrom('delivery_route')
          .select('service')
          .distinct()
          .where('secrecy', '<=', clearance)
          .orderBy('service')
          .limit(limit)
          .execute()
      ).map(({ service }) => service),
    /** Between whom it is, which never changes. */
    partiesOf: async (id: number): Promise<Pick<Route, 'client' | 'service'>> => {
      const before = parties.get(id)
      if (before !== undefined) return before
      const found = await tables
        .selectFrom('delivery_route')
        .select(['client', 'service'])
        .where('id', '=', id)
        .executeTakeFirstOrThrow()
      if (parties.size > 10_000) parties.clear()
      parties.set(id, found)
      return found
    },
    byIds: async (ids: number[]): Promise<Map<number, Route>> => {
      if (ids.length === 0) return new Map()
      const rows = await tables.selectFrom('delivery_route').selectAll().where('id', 'in', ids).execute()
      return new Map(rows.map((row) => [Number(row.id), asRoute(row)]))
    },
    /**
     * Ways that are open and on which something waits: those after a way first, so that all have their turn.
     */
    withWaiting: async (q: { now: string; except: number[]; after: number }): Promise<Route[]> => {
      const { now } = q
      let open = tables
        .selectFrom('delivery_route')
        .selectAll()
        .where(whereOver('next_at', { now, longestMs: LONGEST_WAIT_MS }))
        .where(({ exists, selectFrom }) =>
          exists(
            selectFrom('outbox')
              .select('outbox.position')
              .whereRef('outbox.route', '=', 'delivery_route.id')
              .where('outbox.state', '=', 'waiting')
              .where('outbox.ready', '=', 1)
              .where(whereOver('outbox.due_at', { now, longestMs: LONGEST_WAIT_MS }))
              .where(whereOver('outbox.claimed_until', { now, longestMs: LONGEST_CLAIM_MS })),
          ),
        )
      if (q.except.length > 0) open = open.where('id', 'not in', q.except)
      const rows = await open
        .orderBy(({ eb }) => eb.case().when('id', '>', q.after).then(0).else(1).end())
        .orderBy('id')
        .limit(AT_ONCE)
        .execute()
      return rows.map(asRoute)
    },
    /** Of a failure that does not depend on the message. */
    failed: async (id: number, q: { failures: number; nextAt: string; error: string }): Promise<void> => {
      await tables
        .updateTable('delivery_route')
        .set({ failures: q.failures, next_at: q.nextAt, error: q.error })
        .where('id', '=', id)
        .execute()
    },
    /**
     * In the transaction that says that something was delivered: the way is open, and receipts are asked for
     * when `receiptsAt` says so, at the latest.
     */
    succeeded: async (
      transaction: Kysely<Tables>,
      { id, receiptsAt }: { id: number; receiptsAt: string | undefined },
    ): Promise<void> => {
      await transaction
        .updateTable('delivery_route')
        .set({ failures: 0, next_at: '', error: '' })
        .where('id', '=', id)
        .where('failures', '>', 0)
        .execute()
      if (receiptsAt === undefined) return
      await transaction
        .updateTable('delivery_route')
        .set({ receipts_at: receiptsAt, receipts_wait: 1000 })
        .where('id', '=', id)
        .where(({ or, eb }) => or([eb('receipts_at', '=', ''), eb('receipts_at', '>', receiptsAt)]))
        .execute()
    },
    /** Ways that fail, with the code of the last failure. */
    failing: async (): Promise<Pick<Route, 'client' | 'service' | 'error'>[]> =>
      await tables
        .selectFrom('delivery_route')
        .select(['client', 'service', 'error'])
        .where('failures', '>', 0)
        .orderBy('next_at')
        .execute(),
    /** It is known that the way is open again: what waits on it need not wait for its turn. */
    reopened: async (q: Pick<Route, 'client' | 'service'>): Promise<void> => {
      await tables
        .updateTable('delivery_route')
        .set({ failures: 0, next_at: '', error: '' })
        .where('client', '=', q.client)
        .where('service', '=', q.service)
        .where('failures', '>', 0)
        .execute()
    },
    /** What waits on failing ways since before a time: positions in the outbox, of each way the oldest. */
    tooLong: async (q: { before: string; now: string; limit: number }): Promise<number[]> => {
      const failing = await tables
        .selectFrom('delivery_route')
        .select('id')
        .where('failures', '>', 0)
        .execute()
      const found: number[] = []
      const held = { now: q.now, longestMs: LONGEST_CLAIM_MS }
      for (const { id } of failing)
        for (const ready of [1, 0]) {
          // In the order of the index: what came later has not waited longer.
          const rows = await tables
            .selectFrom('outbox')
            .select(['position', 'since', 'claimed_until'])
            .where('route', '=', Number(id))
            .where('state', '=', 'waiting')
            .where('ready', '=', ready)
            .orderBy('position')
            .limit(q.limit)
            .execute()
          for (const { position, since, claimed_until: until } of rows)
            if (since < q.before && isOver(until, held)) found.push(Number(position))
        }
      return found.slice(0, q.limit)
    },
  }
}
