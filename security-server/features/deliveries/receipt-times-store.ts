/** When receipts are asked for on each way, and how far they were taken. */
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { Route, RouteRow, Tables } from './tables.ts'

/** One of the stores gives numbers as texts. */
export function asRoute(row: Omit<RouteRow, 'id'> & { id: unknown }): Route {
  return {
    ...row,
    id: Number(row.id),
    failures: Number(row.failures),
    receipts_after: Number(row.receipts_after),
    receipts_wait: Number(row.receipts_wait),
  }
}

export function receiptTimes(database: Database) {
  const tables = tablesOf<Tables>(database)
  const toMend = (latest: string) =>
    tables
      .selectFrom('delivery_route')
      .select('delivery_route.id')
      .where(({ or, eb }) => or([eb('receipts_at', '=', ''), eb('receipts_at', '>', latest)]))
      .where(({ exists, selectFrom }) =>
        exists(
          selectFrom('outbox')
            .select('outbox.position')
            .whereRef('outbox.route', '=', 'delivery_route.id')
            .where('outbox.state', '=', 'delivered'),
        ),
      )
  return {
    /** Takes ways whose receipts are due; nobody else asks until `until`. */
    claimReceipts: async (q: {
      now: string
      until: string
      limit: number
      except: number[]
    }): Promise<Route[]> => {
      const rows = await tables
        .updateTable('delivery_route')
        .set({ receipts_at: q.until })
        .where('id', 'in', (is) => {
          let due = is
            .selectFrom('delivery_route')
            .select('id')
            .where('receipts_at', '!=', '')
            .where('receipts_at', '<=', q.now)
          if (q.except.length > 0) due = due.where('id', 'not in', q.except)
          return due.orderBy('receipts_at').limit(q.limit)
        })
        .where('receipts_at', '<=', q.now)
        .returningAll()
        .execute()
      return rows.map(asRoute)
    },
    areReceiptsDue: async (now: string): Promise<boolean> =>
      (await tables
        .selectFrom('delivery_route')
        .select('id')
        .where('receipts_at', '!=', '')
        .where('receipts_at', '<=', now)
        .limit(1)
        .executeTakeFirst()) !== undefined,
    /** For as long as a way is asked; not when a delivery has asked for receipts sooner. */
    renewReceipts: async (id: number, until: string): Promise<void> => {
      await tables
        .updateTable('delivery_route')
        .set({ receipts_at: until })
        .where('id', '=', id)
        .where('receipts_at', '!=', '')
        .execute()
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
              old.or([
                old.exists(
                  old
                    .selectFrom('outbox')
                    .select('outbox.position')
                    .whereRef('outbox.route', '=', 'delivery_route.id')
                    .where('outbox.state', '=', 'delivered'),
                ),
                old.exists(
                  old
                    .selectFrom('delivery_receipt_again')
                    .select('delivery_receipt_again.position')
                    .whereRef('delivery_receipt_again.route', '=', 'delivery_route.id'),
                ),
              ]),
            )
            .then(q.at)
            .else('')
            .end(),
        }))
        .where('id', '=', id)
        .execute()
    },
    /**
     * Receipts are asked for wherever a message waits for one, also when the mark was lost between two nodes,
     * or was made by a clock that has gone back.
     */
    mend: async (q: { now: string; latest: string }): Promise<void> => {
      await tables
        .updateTable('delivery_route')
        .set({ receipts_at: q.now, receipts_wait: 1000 })
        .where('id', 'in', toMend(q.latest))
        .execute()
    },
    isToMend: async (latest: string): Promise<boolean> =>
      (await toMend(latest).limit(1).executeTakeFirst()) !== undefined,
  }
}
