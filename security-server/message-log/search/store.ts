/** The search index: identifiers of records, filled by a job from decrypted metadata; an erased record has no row. */
import { CompiledQuery, sql } from 'kysely'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import type { Tables } from '../tables.ts'

export type SearchRow = Tables['search']

/**
 * The index by query id is one for each block of records: query ids are random, so that in a single index over a large
 * log nearly each of them would have a page of its own written. A search by query id looks into every block.
 */
const BLOCK_RECORDS = 32_768
/** Blocks that one query asks for: always so many, present or not, so that its text is always the same. */
const BLOCKS_AT_ONCE = 64

/** The block of a row of `search`: the index holds this very expression. */
export const BLOCK = sql<number>`(idx / ${sql.lit(BLOCK_RECORDS)})`

/**
 * What a listing may be narrowed to; texts are exact. `before` is the index of the last row of the page before, of a
 * listing narrowed in the same way.
 */
export type SearchFilter = {
  before?: number
  limit: number
  queryId?: string
  client?: string
  service?: string
  kind?: string
  direction?: string
  outcome?: string
  /** ISO times, inclusive and exclusive. */
  from?: string
  to?: string
}

export type SearchStore = ReturnType<typeof createSearchStore>

const MAX_PAGE = 500
/** Statements are kept prepared by their text, so there are two: for so many rows, and for one. */
const PART = 50
const COLUMNS = [
  'idx',
  'time',
  'kind',
  'direction',
  'outcome',
  'query_id',
  'request_id',
  'client',
  'service',
  'peer',
  'answers',
] as const satisfies (keyof SearchRow)[]

export function createSearchStore(database: Database) {
  const kysely = tablesOf<Tables>(database)
  const insertPart = insertOf(PART, database.dialect)
  const insertOne = insertOf(1, database.dialect)

  /** The time of a record, which has a form even when it was erased between two pages. */
  const timeOf = async (idx: number): Promise<string | undefined> => {
    const row = await kysely.selectFrom('record').select('form').where('idx', '=', idx).executeTakeFirst()
    return row === undefined ? undefined : (JSON.parse(row.form) as { time: string }).time
  }

  return {
    /** Adds rows and notes how far the index goes, together. */
    add: (rows: SearchRow[], upTo: number): Promise<void> =>
      inTransaction(kysely, async (transaction) => {
        for (const some of inParts(rows)) {
          const sql = some.length === PART ? insertPart : insertOne
          await transaction.executeQuery(CompiledQuery.raw(sql, some.flatMap(valuesOf)))
        }
        await transaction
          .insertInto('mark')
          .values({ name: 'search', value: upTo })
          .onConflict((conflict) => conflict.column('name').doUpdateSet({ value: upTo }))
          .execute()
      }),

    /** Oldest first, from a log of `size` records. */
    byQueryId: async (queryId: string, size: number): Promise<SearchRow[]> => {
      const rows: SearchRow[] = []
      for (const blocks of blocksOf(size)) {
        const found = await kysely
          .selectFrom('search')
          .selectAll()
          .where(BLOCK, 'in', blocks)
          .where('query_id', '=', queryId)
          .orderBy(BLOCK)
          .orderBy('idx')
          .limit(MAX_PAGE)
          .execute()
        rows.push(...found)
        if (rows.length >= MAX_PAGE) break
      }
      return rows.slice(0, MAX_PAGE)
    },

    /** The rows of these records, as far as there are any. */
    byIndexes: async (indexes: number[]): Promise<SearchRow[]> =>
      indexes.length === 0
        ? []
        : kysely.selectFrom('search').selectAll().where('idx', 'in', indexes).execute(),

    /**
     * Newest first: by index, or by time when times narrow it, so that the way to an old day is short. The log has `size`
     * records.
     */
    list: async (filter: SearchFilter, size: number): Promise<SearchRow[]> => {
      const isByTime = filter.from !== undefined || filter.to !== undefined
      let query = kysely.selectFrom('search').selectAll()
      if (filter.queryId !== undefined) query = query.where('query_id', '=', filter.queryId)
      if (filter.client !== undefined) query = query.where('client', '=', filter.client)
      if (filter.service !== undefined) query = query.where('service', '=', filter.service)
      if (filter.kind !== undefined) query = query.where('kind', '=', filter.kind)
      if (filter.direction !== undefined) query = query.where('direction', '=', filter.direction)
      if (filter.outcome !== undefined) query = query.where('outcome', '=', filter.outcome)
      if (filter.from !== undefined) query = query.where('time', '>=', filter.from)
      if (filter.to !== undefined) query = query.where('time', '<', filter.to)
      const { before } = filter
      const time = before === undefined || !isByTime ? undefined : await timeOf(before)
      if (before !== undefined && time === undefined) query = query.where('idx', '<', before)
      if (before !== undefined && time !== undefined) {
        query = query
          .where('time', '<=', time)
          .where((or) => or.or([or('time', '<', time), or('idx', '<', before)]))
      }
      if (isByTime) query = query.orderBy('time', 'desc')
      const limit = Math.min(filter.limit, MAX_PAGE)
      const newest = query.orderBy('idx', 'desc').limit(limit)
      if (filter.queryId === undefined) return newest.execute()
      const rows: SearchRow[] = []
      for (const blocks of blocksOf(size)) rows.push(...(await newest.where(BLOCK, 'in', blocks).execute()))
      return rows.sort(isByTime ? byTimeDown : byIndexDown).slice(0, limit)
    },
  }
}

function byIndexDown(a: SearchRow, b: SearchRow): number {
  return b.idx - a.idx
}

function byTimeDown(a: SearchRow, b: SearchRow): number {
  if (a.time === b.time) return byIndexDown(a, b)
  return a.time < b.time ? 1 : -1
}

/**
 * Written once: compiling so many values anew for every statement would cost more than inserting them. A statement that
 * may fail half-way makes SQLite keep a copy of every page that it changes; one that ignores does not, a quarter cheaper.
 */
function insertOf(rows: number, dialect: Database['dialect']): string {
  let at = 0
  const place = (): string => (dialect === 'sqlite' ? '?' : `$${++at}`)
  const row = (): string => `(${COLUMNS.map(place).join(', ')})`
  const values = Array.from({ length: rows }, row).join(', ')
  const columns = COLUMNS.join(', ')
  return dialect === 'sqlite'
    ? `insert or ignore into search (${columns}) values ${values}`
    : `insert into search (${columns}) values ${values} on conflict (idx) do nothing`
}

/** In the order of COLUMNS; written out, because a look-up by name in a loop is slow here. */
function valuesOf(row: SearchRow): (string | number | null)[] {
  const { idx, time, kind, direction, outcome, query_id, request_id, client, service, peer, answers } = row
  return [idx, time, kind, direction, outcome, query_id, request_id, client, service, peer, answers]
}

function inParts(rows: SearchRow[]): SearchRow[][] {
  const parts: SearchRow[][] = []
  let at = 0
  for (; at + PART <= rows.length; at += PART) parts.push(rows.slice(at, at + PART))
  return [...parts, ...rows.slice(at).map((row) => [row])]
}

/** The blocks of the records below `size`, so many at a time, oldest first. */
function blocksOf(size: number): number[][] {
  const queries = Math.ceil(size / (BLOCK_RECORDS * BLOCKS_AT_ONCE))
  return Array.from({ length: queries }, (_, query) =>
    Array.from({ length: BLOCKS_AT_ONCE }, (_, i) => query * BLOCKS_AT_ONCE + i),
  )
}
