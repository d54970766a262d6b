/** Counts since the last that the log committed to, and those that it committed to, for who may see them. */
import { countRowDigest } from '#core/log-export/daily-counts.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import type { Clearance } from '../search/traffic-store.ts'
import type { Tables } from '../tables.ts'

/** The mark of the first record that no daily counts cover. */
export const COUNTS_FIRST = 'counts-first'
/** The mark of the day on which the last ones were made, in days since 1970. */
export const COUNTS_DAY = 'counts-day'

/** `rows`: a text each, or the digest alone of what is too secret for its reader. */
export type StoredCounts = { index: number; document: string; rows: string[] }

export type CountsQuestion = {
  after: number
  size: number
  limit: number
  newest?: boolean
  clearance: Clearance
}

export type DailyCountStore = ReturnType<typeof createDailyCountStore>

export function createDailyCountStore(database: Database) {
  const kysely = tablesOf<Tables>(database)
  return {
    /** Largest first. */
    since: async (): Promise<Tables['count_since'][]> => {
      const rows = await kysely
        .selectFrom('count_since')
        .selectAll()
        .orderBy('records', 'desc')
        .orderBy('key')
        .execute()
      return rows.map((row) => ({ ...row, records: Number(row.records), secrecy: Number(row.secrecy) }))
    },

    /** Where the index stands is where counting begins anew: an older version has indexed without counting. */
    restart: (): Promise<void> =>
      inTransaction(kysely, async (transaction) => {
        const move = transaction.updateTable('mark').set((is) => ({ value: is.ref('value') }))
        await move.where('name', '=', 'search').execute()
        await transaction.deleteFrom('count_since').execute()
        const index = transaction
          .selectFrom('mark as other')
          .select('other.value')
          .where('other.name', '=', 'search')
        await transaction.updateTable('mark').set({ value: index }).where('name', '=', COUNTS_FIRST).execute()
      }),

    /** Of the records between `after` and `size`; oldest first, or newest. */
    list: async ({ after, size, limit, newest, clearance }: CountsQuestion): Promise<StoredCounts[]> => {
      const found = await kysely
        .selectFrom('daily_count')
        .selectAll()
        .where('idx', '>', after)
        .where('idx', '<', size)
        .orderBy('idx', newest === true ? 'desc' : 'asc')
        .limit(limit)
        .execute()
      return found.map(({ idx, document, rows }) => ({
        index: Number(idx),
        document,
        rows: (JSON.parse(rows) as string[]).map((text) =>
          (JSON.parse(text) as { secrecy: number }).secrecy <= clearance ? text : countRowDigest(text),
        ),
      }))
    },
  }
}
