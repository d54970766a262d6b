/** Counts since the last that the log committed to, and those that it committed to, for who may see them. */
import type { Kysely } from 'kysely'
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

export type Since = { rows: Tables['count_since'][]; first: number; indexed: number }

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
    /** What was counted, largest first, from which record on, and where the index stands: of one moment. */
    since: (): Promise<Since> => inTransaction(kysely, readSince),

    /** Where the index stands is where counting begins anew, when what was counted does not lead there. */
    restart: (): Promise<void> =>
      inTransaction(kysely, async (transaction) => {
        const { rows, first, indexed } = await readSince(transaction)
        if (first + recordsOf(rows) === indexed) return
        await transaction.deleteFrom('count_since').execute()
        await transaction
          .updateTable('mark')
          .set({ value: indexed })
          .where('name', '=', COUNTS_FIRST)
          .execute()
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

export function recordsOf(rows: { records: number }[]): number {
  return rows.reduce((sum, { records }) => sum + records, 0)
}

async function readSince(transaction: Kysely<Tables>): Promise<Since> {
  // Who is indexing meanwhile waits for this transaction, or this one for them.
  await transaction
    .updateTable('mark')
    .set((is) => ({ value: is.ref('value') }))
    .where('name', '=', 'search')
    .execute()
  const marks = await transaction
    .selectFrom('mark')
    .selectAll()
    .where('name', 'in', ['search', COUNTS_FIRST])
    .execute()
  const markOf = (name: string): number => Number(marks.find((one) => one.name === name)?.value ?? 0)
  const rows = await transaction
    .selectFrom('count_since')
    .selectAll()
    .orderBy('records', 'desc')
    .orderBy('key')
    .execute()
  return {
    rows: rows.map((row) => ({ ...row, records: Number(row.records), secrecy: Number(row.secrecy) })),
    first: markOf(COUNTS_FIRST),
    indexed: markOf('search'),
  }
}
