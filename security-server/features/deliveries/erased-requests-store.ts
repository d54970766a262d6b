/**
 * Requests whose exchange is being erased by order, or was a short time ago. Between the record of a request
 * and the row of its event an order finds nothing to refuse it for; so it leaves its mark here under the lock
 * that the row will take, and the row is not kept. Rows of rooms do likewise.
 */
import type { Kysely } from 'kysely'
import { lockFor } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import type { Tables } from './tables.ts'

/**
 * What adds events to this inbox, and what orders to erase one of its exchanges, do so one after the other.
 */
export function lockInbox(transaction: Kysely<Tables>, service: string): Promise<void> {
  return lockFor(transaction, `places ${service}`)
}

export type ErasedRequests = ReturnType<typeof createErasedRequests>

export function createErasedRequests(database: Database) {
  const tables = tablesOf<Tables>(database)

  const unmark = (record: number): Promise<void> =>
    inTransaction(tables, async (transaction) => {
      await transaction
        .updateTable('inbox_erased')
        .set(({ eb }) => ({ orders: eb('orders', '-', 1) }))
        .where('record', '=', record)
        .execute()
      await transaction
        .deleteFrom('inbox_erased')
        .where('record', '=', record)
        .where('orders', '<=', 0)
        .execute()
    })
  return {
    /**
     * Marks it, unless the inbox has the event of this delivery: resolves to its position. The function takes
     * the mark of this order back when it erased nothing after all.
     */
    mark: (q: {
      record: number
      delivery: string
      client: string
      service: string
      at: string
    }): Promise<{ position: number } | { unmark(): Promise<void> }> =>
      inTransaction(tables, async (transaction) => {
        await lockInbox(transaction, q.service)
        const there = await transaction
          .selectFrom('inbox')
          .select('position')
          .where('delivery', '=', q.delivery)
          .where('client', '=', q.client)
          .where('service', '=', q.service)
          .where('content', 'is not', null)
          .limit(1)
          .executeTakeFirst()
        if (there !== undefined) return { position: Number(there.position) }
        const { record, at } = q
        // Another order may have marked it, and whichever of the two is carried out needs the mark.
        await transaction
          .insertInto('inbox_erased')
          .values({ record, at, orders: 1 })
          .onConflict((conflict) =>
            conflict
              .column('record')
              .doUpdateSet(({ eb }) => ({ at, orders: eb('inbox_erased.orders', '+', 1) })),
          )
          .execute()
        return { unmark: () => unmark(record) }
      }),
    forget: async (before: string): Promise<void> => {
      await tables.deleteFrom('inbox_erased').where('at', '<', before).execute()
    },
  }
}

/**
 * Which of these requests to a service are marked; none other is until the commit. For features that keep
 * events of requests, too.
 */
export async function erasedAmong(
  all: Kysely<unknown>,
  { service, records }: { service: string; records: (number | null)[] },
): Promise<Set<number>> {
  const transaction = all as Kysely<Tables>
  if (records.every((record) => record === null)) return new Set()
  await lockInbox(transaction, service)
  return markedAmong(transaction, records)
}

/** Which of these requests are marked; under the lock of their inboxes. */
export async function markedAmong(
  transaction: Kysely<Tables>,
  records: (number | null)[],
): Promise<Set<number>> {
  const known = records.flatMap((record) => record ?? [])
  if (known.length === 0) return new Set()
  const rows = await transaction
    .selectFrom('inbox_erased')
    .select('record')
    .where('record', 'in', known)
    .execute()
  return new Set(rows.map(({ record }) => Number(record)))
}
