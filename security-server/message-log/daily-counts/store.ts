/** The counts since the last commitment, and the committed counts for readers who may see them. */
import type { Kysely } from 'kysely'
import { countRowDigest } from '#core/log-export/daily-counts.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import type { Time, Whole } from '#schemas/sent-values.ts'
import type { Clearance } from '../record-input.ts'
import type { Tables } from '../tables.ts'

/** The mark with the first record that no daily counts cover. */
export const COUNTS_FIRST = 'counts-first'
/** The mark with the day of the last counts, in days since 1970. */
export const COUNTS_DAY = 'counts-day'

/** `rows` has one text per row, or only its digest when it is too secret for the reader. */
export type StoredCounts = { index: Whole; document: string; rows: string[] }

type Since = { rows: Tables['count_since'][]; first: number; indexed: number }

/** `messages` by secrecy. */
export type CountFigures = { aboutLog: number; messages: [number, number, number] }

/** An entry in the list of counted days. */
export type CountedDay = {
  index: Whole
  first: number
  last: number
  from: Time
  to: Time
  figures: CountFigures
  /** The bytes of the document with all its rows. */
  octets: Whole
}

export type DailyCountStore = ReturnType<typeof createDailyCountStore>

export function createDailyCountStore(database: Database) {
  const kysely = tablesOf<Tables>(database)
  return {
    /**
     * The counted rows, largest first, with the first record that they cover and the position of the index,
     * all read in one transaction.
     */
    since: (): Promise<Since> => inTransaction(kysely, readSince),

    /** Restarts counting at the position of the index when the counts do not lead there. */
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

    /** Newest first, those whose record is before `before`. */
    days: async ({ before, limit }: { before: number; limit: number }): Promise<CountedDay[]> => {
      const found = await kysely
        .selectFrom('daily_count')
        .select(['idx', 'first_idx', 'last_idx', 'from_time', 'to_time', 'figures', 'octets'])
        .where('idx', '<', before)
        .orderBy('idx', 'desc')
        .limit(limit)
        .execute()
      return found.map((row) => ({
        index: Number(row.idx),
        first: Number(row.first_idx),
        last: Number(row.last_idx),
        from: row.from_time,
        to: row.to_time,
        figures: JSON.parse(row.figures) as CountFigures,
        octets: Number(row.octets),
      }))
    },

    /** Undefined when the record of this index has no counts. */
    get: async (q: { index: number; clearance: Clearance }): Promise<StoredCounts | undefined> => {
      const found = await kysely
        .selectFrom('daily_count')
        .select(['document', 'rows'])
        .where('idx', '=', q.index)
        .executeTakeFirst()
      if (found === undefined) return undefined
      const rows = (JSON.parse(found.rows) as string[]).map((text) =>
        (JSON.parse(text) as { secrecy: number }).secrecy <= q.clearance ? text : countRowDigest(text),
      )
      return { index: q.index, document: found.document, rows }
    },
  }
}

export function recordsOf(rows: { records: number }[]): number {
  return rows.reduce((sum, { records }) => sum + records, 0)
}

async function readSince(transaction: Kysely<Tables>): Promise<Since> {
  // This row lock orders the transaction and concurrent indexing.
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
