/** The rows of the ways from our subsystems to inboxes elsewhere: whether they are open, and how far their receipts were taken. */
import type { Kysely } from 'kysely'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { RouteRow, Tables } from './tables.ts'

export type Route = Omit<RouteRow, 'id'> & { id: number }

export type RouteStore = ReturnType<typeof createRouteStore>

const AT_ONCE = 100

export function createRouteStore(database: Database) {
  const tables = tablesOf<Tables>(database)
  const asRoute = (row: Omit<RouteRow, 'id'> & { id: unknown }): Route => ({
    ...row,
    id: Number(row.id),
    failures: Number(row.failures),
    receipts_after: Number(row.receipts_after),
    receipts_wait: Number(row.receipts_wait),
  })
  const known = new Map<string, number>()

  return {
    /** The id of the way between these two, made when it is new. */
    idOf: async (client: string, service: string): Promise<number> => {
      const name = `${client} ${service}`
      const before = known.get(name)
      if (before !== undefined) return before
      const row = { client, service, failures: 0, next_at: '', error: '' }
      await tables
        .insertInto('delivery_route')
        .values({ ...row, receipts_after: 0, receipts_at: '', receipts_wait: 0 })
        .onConflict((conflict) => conflict.columns(['client', 'service']).doNothing())
        .execute()
      const { id } = await tables
        .selectFrom('delivery_route')
        .select('id')
        .where('client', '=', client)
        .where('service', '=', service)
        .executeTakeFirstOrThrow()
      if (known.size > 10_000) known.clear()
      known.set(name, Number(id))
      return Number(id)
    },
    find: async (id: number): Promise<Route> =>
      asRoute(
        await tables.selectFrom('delivery_route').selectAll().where('id', '=', id).executeTakeFirstOrThrow(),
      ),
    /** The inboxes to which anything was sent, in order. */
    services: async (limit: number): Promise<string[]> =>
      (
        await tables
          .selectFrom('delivery_route')
          .select('service')
          .distinct()
          .orderBy('service')
          .limit(limit)
          .execute()
      ).map(({ service }) => service),
    byIds: async (ids: number[]): Promise<Map<number, Route>> => {
      if (ids.length === 0) return new Map()
      const rows = await tables.selectFrom('delivery_route').selectAll().where('id', 'in', ids).execute()
      return new Map(rows.map((row) => [Number(row.id), asRoute(row)]))
    },
    /** Ways that are open and on which something waits: those after a way first, so that all have their turn. */
    withWaiting: async (q: { now: string; except: number[]; after: number }): Promise<Route[]> => {
      const { now } = q
      let open = tables
        .selectFrom('delivery_route')
        .selectAll()
        .where('next_at', '<=', now)
        .where(({ exists, selectFrom }) =>
          exists(
            selectFrom('outbox')
              .select('outbox.position')
              .whereRef('outbox.route', '=', 'delivery_route.id')
              .where('outbox.state', '=', 'waiting')
              .where('outbox.ready', '=', 1)
              .where('outbox.due_at', '<=', now)
              .where('outbox.claimed_until', '<=', now),
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
     * In the transaction that says that something was delivered: the way is open, and receipts are asked for when `receiptsAt` says so, at
     * the latest.
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
    /** Takes the ways whose receipts are due; nobody else asks until `until`. */
    claimReceipts: async (now: string, until: string, limit: number): Promise<Route[]> => {
      const rows = await tables
        .updateTable('delivery_route')
        .set({ receipts_at: until })
        .where('id', 'in', (is) =>
          is
            .selectFrom('delivery_route')
            .select('id')
            .where('receipts_at', '!=', '')
            .where('receipts_at', '<=', now)
            .orderBy('receipts_at')
            .limit(limit),
        )
        .where('receipts_at', '<=', now)
        .returningAll()
        .execute()
      return rows.map(asRoute)
    },
    /** How far receipts were taken, and when to ask again, if anything on this way still waits for one. */
    askedReceipts: async (id: number, q: { after: number; at: string; wait: number }): Promise<void> => {
      await tables
        .updateTable('delivery_route')
        .set((old) => ({
          receipts_after: q.after,
          receipts_wait: q.wait,
          receipts_at: old
            .case()
            .when(
              old.exists(
                old
                  .selectFrom('outbox')
                  .select('outbox.position')
                  .whereRef('outbox.route', '=', 'delivery_route.id')
                  .where('outbox.state', '=', 'delivered'),
              ),
            )
            .then(q.at)
            .else('')
            .end(),
        }))
        .where('id', '=', id)
        .execute()
    },
    /**
     * Receipts are asked for wherever a message waits for one, also when the mark was lost between two nodes, or was made by a clock that
     * has gone back.
     */
    mend: async (q: { now: string; latest: string }): Promise<void> => {
      await tables
        .updateTable('delivery_route')
        .set({ receipts_at: q.now, receipts_wait: 1000 })
        .where(({ or, eb }) => or([eb('receipts_at', '=', ''), eb('receipts_at', '>', q.latest)]))
        .where(({ exists, selectFrom }) =>
          exists(
            selectFrom('outbox')
              .select('outbox.position')
              .whereRef('outbox.route', '=', 'delivery_route.id')
              .where('outbox.state', '=', 'delivered'),
          ),
        )
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
            if (since < q.before && until <= q.now) found.push(Number(position))
        }
      return found.slice(0, q.limit)
    },
  }
}
