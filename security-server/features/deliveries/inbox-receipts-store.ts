/**
 * The receipts that senders ask for, numbered for each sender and inbox. Guarantees that who has read one has
 * read all before it: the number is taken in the transaction that ends the message, and the row of the last
 * number is locked until its commit. Numbers are no lower than the milliseconds of their time: a database
 * that was lost or set back gives out none that a sender has passed already.
 */
import { sql } from 'kysely'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { BoxStore, StoredInbox } from './box-store.ts'
import type { Beside } from './ends-store.ts'
import type { Ended } from './lanes-store.ts'
import type { DeliveryState, Tables } from './tables.ts'

export type InboxReceipts = ReturnType<typeof createInboxReceipts>

export function createInboxReceipts(database: Database, inbox: BoxStore<'inbox'>) {
  const tables = tablesOf<Tables>(database)
  /** Of one sender and inbox. */
  const numberAll: Beside<StoredInbox>['write'] = async (transaction, endings) => {
    const { client, service } = endings[0]!.row
    const count = endings.length
    const least = Math.max(...endings.map(({ ended }) => Date.parse(ended.at)))
    const { last } = await transaction
      .insertInto('inbox_receipts')
      .values({ client, service, last: least + count - 1 })
      .onConflict((conflict) =>
        conflict.columns(['client', 'service']).doUpdateSet({
          last: sql`case when inbox_receipts.last < ${least} then ${least + count - 1} else inbox_receipts.last + ${count} end`,
        }),
      )
      .returning('last')
      .executeTakeFirstOrThrow()
    const first = Number(last) - count + 1
    const receipts = endings.map(({ ended }, i) => ({
      ...{ client, service, position: first + i },
      ...{ record: ended.endRecord!, at: ended.at },
    }))
    await transaction.insertInto('inbox_receipt').values(receipts).execute()
  }

  return {
    /** Ends a message of the inbox; its receipt is `ended.endRecord`. False when it had ended meanwhile. */
    end: (row: StoredInbox, ended: Ended & { endRecord: number }, from: DeliveryState[]): Promise<boolean> =>
      inbox.endWith(row, ended, {
        from,
        beside: { name: `${row.client} ${row.service}`, write: numberAll },
      }),
    /**
     * After this number, in order. After a number that was never given out (a restored database) all of them.
     */
    after: async (q: {
      client: string
      service: string
      after: number
      limit: number
    }): Promise<{ position: number; record: number }[]> => {
      const { client, service } = q
      const known = await tables
        .selectFrom('inbox_receipts')
        .select('last')
        .where('client', '=', client)
        .where('service', '=', service)
        .executeTakeFirst()
      const after = q.after > Number(known?.last ?? 0) ? 0 : q.after
      const rows = await tables
        .selectFrom('inbox_receipt')
        .select(['position', 'record'])
        .where('client', '=', client)
        .where('service', '=', service)
        .where('position', '>', after)
        .orderBy('position')
        .limit(q.limit)
        .execute()
      return rows.map(({ position, record }) => ({ position: Number(position), record: Number(record) }))
    },
    isAnyBefore: async (before: string): Promise<boolean> => {
      const row = await tables
        .selectFrom('inbox_receipt')
        .select('position')
        .where('at', '<', before)
        .limit(1)
        .executeTakeFirst()
      return row !== undefined
    },
    forget: async (before: string): Promise<void> => {
      await tables.deleteFrom('inbox_receipt').where('at', '<', before).execute()
    },
  }
}
