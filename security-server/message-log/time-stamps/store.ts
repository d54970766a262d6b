/** Time-stamp batches: each covers the signature documents `first_id` to `last_id`. Rows never change. */
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { Tables } from '../tables.ts'

export type StoredTimeStamp = Tables['time_stamp']

export type TimeStampStore = ReturnType<typeof createTimeStampStore>

export function createTimeStampStore(database: Database) {
  const kysely = tablesOf<Tables>(database)
  return {
    /**
     * The id of the last signature document with a time-stamp whose record is one of the first `size`; -1
     * when there is none.
     */
    lastStamped: async (size: number): Promise<number> => {
      const row = await kysely
        .selectFrom('time_stamp')
        .select('last_id')
        .where('idx', '<', size)
        .orderBy('last_id', 'desc')
        .limit(1)
        .executeTakeFirst()
      return row?.last_id ?? -1
    },

    /** The index of the newest batch's record; -1 when there is none. */
    lastRecord: async (): Promise<number> => {
      const row = await kysely
        .selectFrom('time_stamp')
        .select('idx')
        .orderBy('idx', 'desc')
        .limit(1)
        .executeTakeFirst()
      return row?.idx ?? -1
    },

    /** The batch that covers this signature document. */
    covering: (id: number): Promise<StoredTimeStamp | undefined> =>
      kysely
        .selectFrom('time_stamp')
        .selectAll()
        .where('last_id', '>=', id)
        .where('first_id', '<=', id)
        .orderBy('last_id')
        .limit(1)
        .executeTakeFirst(),

    /** Batches after `lastId`, in order. */
    after: (lastId: number, limit: number): Promise<StoredTimeStamp[]> =>
      kysely
        .selectFrom('time_stamp')
        .selectAll()
        .where('last_id', '>', lastId)
        .orderBy('last_id')
        .limit(limit)
        .execute(),
  }
}
