/**
 * Receipts that could not be judged when they came, of each way: their positions, which are asked for again
 * later.
 */

import type { Kysely } from 'kysely'
import { lockFor } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { whereOver } from '#platform/database/where-over.ts'
import { LONGEST_WAIT_MS, type Tables } from './tables.ts'

export type ReceiptsAgain = ReturnType<typeof createReceiptsAgain>

type Again = { position: number; tries: number; next_at: string }

export function createReceiptsAgain(database: Database) {
  const tables = tablesOf<Tables>(database)
  return {
    /** Those of a way that are due, in order. */
    due: async (
      route: number,
      now: string,
      limit: number,
    ): Promise<{ position: number; tries: number }[]> => {
      const rows = await tables
        .selectFrom('delivery_receipt_again')
        .select(['position', 'tries'])
        .where('route', '=', route)
        .where(whereOver('next_at', { now, longestMs: LONGEST_WAIT_MS }))
        .orderBy('position')
        .limit(limit)
        .execute()
      return rows.map(({ position, tries }) => ({ position: Number(position), tries: Number(tries) }))
    },
    /**
     * Adds these to those of a way; false when so many wait already, which is counted in the transaction that
     * adds.
     */
    add: (route: number, rows: Again[], most: number): Promise<boolean> =>
      inTransaction(tables, async (transaction) => {
        await lockFor(transaction, `receipts again ${route}`)
        const waiting = await transaction
          .selectFrom('delivery_receipt_again')
          .select(({ fn }) => fn.countAll<number>().as('rows'))
          .where('route', '=', route)
          .executeTakeFirstOrThrow()
        if (Number(waiting.rows) >= most) return false
        await putRows(transaction, route, rows)
        return true
      }),
    put: (route: number, rows: Again[]): Promise<void> => putRows(tables, route, rows),
    remove: async (route: number, positions: number[]): Promise<void> => {
      if (positions.length === 0) return
      await tables
        .deleteFrom('delivery_receipt_again')
        .where('route', '=', route)
        .where('position', 'in', positions)
        .execute()
    },
  }
}

async function putRows(tables: Kysely<Tables>, route: number, rows: Again[]): Promise<void> {
  if (rows.length === 0) return
  await tables
    .insertInto('delivery_receipt_again')
    .values(rows.map((row) => ({ ...row, route })))
    .onConflict((conflict) =>
      conflict.columns(['route', 'position']).doUpdateSet((old) => ({
        tries: old.ref('excluded.tries'),
        next_at: old.ref('excluded.next_at'),
      })),
    )
    .execute()
}
