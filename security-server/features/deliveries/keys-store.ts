/** The ids of the keys that nodes seal with: a node that lacks one says so, before messages wait for it unseen. */
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { Tables } from './tables.ts'

export function createKeyRecords(database: Database) {
  const tables = tablesOf<Tables>(database)
  return {
    /** Call when a node opens with this key. */
    note: async (id: string): Promise<void> => {
      await tables
        .insertInto('delivery_key')
        .values({ id })
        .onConflict((conflict) => conflict.column('id').doNothing())
        .execute()
    },
    /** Whether something waits that was sealed with another key than these. */
    areMissing: async (known: string[]): Promise<boolean> => {
      const others = await tables
        .selectFrom('delivery_key')
        .select('id')
        .where('id', 'not in', known)
        .execute()
      if (others.length === 0) return false
      const ids = others.map(({ id }) => id)
      for (const box of ['outbox', 'inbox'] as const) {
        const waiting = await tables
          .selectFrom(box as 'outbox')
          .select('position')
          .where('state', '=', 'waiting')
          .where('key_id', 'in', ids)
          .limit(1)
          .executeTakeFirst()
        if (waiting !== undefined) return true
      }
      return false
    },
  }
}
