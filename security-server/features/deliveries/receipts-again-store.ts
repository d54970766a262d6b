/** Receipts that could not be judged when they came, of each way: their positions, which are asked for again later. */

import { type Database, tablesOf } from '#platform/database/open-database.ts'
import { whereOver } from '#platform/database/where-over.ts'
import { LONGEST_WAIT_MS, type Tables } from './tables.ts'

export type ReceiptsAgain = ReturnType<typeof createReceiptsAgain>

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
    count: async (route: number): Promise<number> => {
      const { rows } = await tables
        .selectFrom('delivery_receipt_again')
        .select(({ fn }) => fn.countAll<number>().as('rows'))
        .where('route', '=', route)
        .executeTakeFirstOrThrow()
      return Number(rows)
    },
    put: async (
      route: number,
      rows: { position: number; tries: number; next_at: string }[],
    ): Promise<void> => {
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
    },
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
