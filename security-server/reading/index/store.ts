/**
 * The search index: identifiers of records, which a job copies from decrypted metadata. A record whose proof
 * was erased has no row.
 */
import { CompiledQuery, type ExpressionBuilder, type Kysely, type SqlBool, sql } from 'kysely'
import { RECEIPT_KINDS } from '#core/delivery/receipt.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { type CountedRecord, countSince, MAX_ROWS } from '../../message-log/daily-counts/count-since.ts'
import type { Clearance } from '../../message-log/record-input.ts'
import { BLOCK, BLOCK_RECORDS } from './block-store.ts'
import { createLatencyStore } from './latency-store.ts'
import { type Budget, listBySpans, type SomeRows, USUAL_BUDGET } from './list-by-spans.ts'
import { isOfActors, listOfActors } from './list-of-actors.ts'
import type { HashedFilter, RecordFilter, SearchFilter, SearchRow } from './search-filter.ts'
import type { IndexTables } from './tables.ts'
import { createTrafficStore, fitsDimensions, isNarrowed } from './traffic-store.ts'

type SearchedParty = { idx: number; service: string; isSecret: boolean; answers: number | undefined }

/**
 * Blocks of one query. The number is fixed, even if there are fewer blocks, so that the text of the query
 * stays the same.
 */
const BLOCKS_AT_ONCE = 64

export type SearchStore = ReturnType<typeof createSearchStore>

const MAX_PAGE = 500
/** How many records one step of `window` covers. */
const WINDOW = 5000
/** An expression, so that the database does not choose the index by time for bounds within an hour. */
const TIME = sql<string>`substr(time, 1, 24)`
/**
 * Rows of one insert. Prepared statements are cached by their text, so there are two: one for PART rows, and
 * one for a single row.
 */
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
  'keep_days',
  'secrecy',
  'user_hash',
  'party_hash',
  'terms',
] as const satisfies (keyof SearchRow)[]

export function createSearchStore(database: Database) {
  const kysely = tablesOf<IndexTables>(database)
  const isPartitioned = database.dialect === 'postgresql'
  const insertPart = insertOf(PART, database.dialect)
  const insertOne = insertOf(1, database.dialect)
  const traffic = createTrafficStore(database)
  const latency = createLatencyStore(database)

  /** The time of a record, from its leaf form, which stays when the record is erased between two pages. */
  const timeOf = async (idx: number): Promise<string | undefined> => {
    const row = await kysely.selectFrom('record').select('form').where('idx', '=', idx).executeTakeFirst()
    return row === undefined ? undefined : (JSON.parse(row.form) as { time: string }).time
  }

  /**
   * Bounds on `idx` let PostgreSQL skip partitions. They are left out where they would only distract from the
   * index of identifiers: in a log that one query covers, which has hardly more than one partition, and in
   * the embedded store, which has none.
   */
  const inBlocks = (is: ExpressionBuilder<IndexTables, 'search'>, blocks: number[], size: number) => {
    const isWhole = size <= BLOCKS_AT_ONCE * BLOCK_RECORDS
    if (!isPartitioned || isWhole) return is(BLOCK, 'in', blocks)
    const end = (blocks.at(-1)! + 1) * BLOCK_RECORDS
    return is.and([is(BLOCK, 'in', blocks), is('idx', '>=', blocks[0]! * BLOCK_RECORDS), is('idx', '<', end)])
  }

  const bySpans = (filter: SearchFilter & HashedFilter, budget: Budget): Promise<SomeRows<SearchRow>> =>
    listBySpans({
      ...{ kysely, traffic, filter, timeOf, budget },
      limit: Math.min(filter.limit, MAX_PAGE),
      rest: (is) => fitsAll(is, filter, isPartitioned),
    })

  /** A person has few records, so the index by person is used, whatever the other conditions are. */
  const listOfSubjects = async (filter: SearchFilter): Promise<SearchRow[]> => {
    if (filter.subjects?.length === 0) return []
    let query = kysely
      .selectFrom('search')
      .selectAll()
      .where((is) => fitsAll(is, filter, isPartitioned))
    if (filter.before !== undefined) query = query.where('idx', '<', filter.before)
    return query.orderBy('idx', 'desc').limit(Math.min(filter.limit, MAX_PAGE)).execute()
  }

  /**
   * Lists newest first. The order is by index; by time if the filter has times, so that an old day is found
   * quickly; by hour and index if the filter has other conditions. `size`: number of records in the log. A
   * walk that exceeds its budget ends early.
   */
  const listSome = async (
    filter: SearchFilter & HashedFilter,
    size: number,
    budget = USUAL_BUDGET,
  ): Promise<SomeRows<SearchRow>> => {
    if (filter.subjects !== undefined) return { rows: await listOfSubjects(filter) }
    const limit = Math.min(filter.limit, MAX_PAGE)
    if (filter.actors !== undefined) {
      const rest = (is: ExpressionBuilder<IndexTables, 'search'>) => fitsAll(is, filter, isPartitioned)
      const found = await listOfActors({ kysely, isPartitioned, filter, limit, size, rest })
      return found === undefined ? await bySpans(filter, budget) : { rows: found }
    }
    const { requestIds } = filter
    const hasId = [filter.queryId, filter.requestId, requestIds].some((id) => id !== undefined)
    if (!hasId && isNarrowed(filter)) return await bySpans(filter, budget)
    const isByTime = filter.from !== undefined || filter.to !== undefined
    let query = kysely
      .selectFrom('search')
      .selectAll()
      .where((is) => fitsDimensions(is as never, filter))
    if (filter.queryId !== undefined) query = query.where('query_id', '=', filter.queryId)
    if (filter.requestId !== undefined) query = query.where('request_id', '=', filter.requestId)
    if (requestIds !== undefined) query = query.where('request_id', 'in', requestIds)
    const { exchangeOf } = filter
    if (exchangeOf !== undefined) query = query.where((is) => isOfExchange(is, exchangeOf))
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
    const newest = query.orderBy('idx', 'desc').limit(limit)
    if (!hasId) return { rows: await newest.execute() }
    const rows: SearchRow[] = []
    for (const blocks of blocksOf(size))
      rows.push(...(await newest.where((is) => inBlocks(is, blocks, size)).execute()))
    return { rows: rows.sort(isByTime ? byTimeDown : byIndexDown).slice(0, limit) }
  }

  return {
    ...traffic,
    latencies: latency.latencies,
    ...createRowReads(kysely),

    /**
     * In one transaction: adds the rows of the records from `from` (included) to `to` (not), counts them and
     * the `others`, which are not searchable, and moves the mark to `to`. Does nothing if another node has
     * moved the mark meanwhile: records counted twice would stay wrong. Resolves to the mark as it is now:
     * the other node may have moved it less far.
     */
    add: (
      rows: SearchRow[],
      { from, to, others }: { from: number; to: number; others: CountedRecord[] },
    ): Promise<number> =>
      inTransaction(kysely, async (transaction) => {
        const mark = { name: 'search', value: 0 }
        await transaction
          .insertInto('mark')
          .values(mark)
          .onConflict((conflict) => conflict.column('name').doNothing())
          .execute()
        const move = transaction.updateTable('mark').set({ value: to }).where('name', '=', mark.name)
        const moved = await move.where('value', '=', from).executeTakeFirst()
        if (moved.numUpdatedRows === 0n) {
          const now = transaction.selectFrom('mark').select('value').where('name', '=', mark.name)
          return (await now.executeTakeFirstOrThrow()).value
        }
        for (const some of inParts(rows)) {
          const sql = some.length === PART ? insertPart : insertOne
          await transaction.executeQuery(CompiledQuery.raw(sql, some.flatMap(valuesOf)))
        }
        const secret = rows.filter(({ secrecy }) => secrecy > 0)
        for (const { idx, secrecy } of secret)
          await transaction
            .insertInto('secret_record')
            .values({ idx, secrecy })
            .onConflict((conflict) => conflict.doNothing())
            .execute()
        await traffic.count(transaction, rows)
        await latency.countLatency(transaction, rows)
        await countSince(transaction, [...rows, ...others], MAX_ROWS)
        return to
      }),

    /**
     * Searches the WINDOW records after `after` and below `size`. Returns the matches, oldest first, and the
     * last index that was searched.
     */
    window: async (
      filter: HashedFilter,
      { after, size }: { after: number; size: number },
    ): Promise<{ rows: SearchRow[]; last: number }> => {
      const last = Math.min(after + WINDOW, size - 1)
      if (filter.subjects?.length === 0) return { rows: [], last }
      const rows = await kysely
        .selectFrom('search')
        .selectAll()
        .where('idx', '>', after)
        .where('idx', '<=', last)
        .where((is) => fitsAll(is, filter, isPartitioned))
        .where((is) => isOfActors(is, filter, after + 1, last))
        .orderBy('idx')
        .execute()
      return { rows, last }
    },

    /** Oldest first, at most MAX_PAGE rows. `size`: number of records in the log. */
    byQueryId: async (queryId: string, size: number): Promise<SearchRow[]> => {
      const rows: SearchRow[] = []
      for (const blocks of blocksOf(size)) {
        const found = await kysely
          .selectFrom('search')
          .selectAll()
          .where((is) => inBlocks(is, blocks, size))
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

    listSome,

    /** As `listSome`, without a time limit. */
    list: async (filter: SearchFilter & HashedFilter, size: number): Promise<SearchRow[]> =>
      (await listSome(filter, size, { ...USUAL_BUDGET, ms: Number.POSITIVE_INFINITY })).rows,
  }
}

function createRowReads(kysely: Kysely<IndexTables>) {
  return {
    /**
     * Indexes of the records from `first` to `last` whose secrecy exceeds the clearance, in order. Erased
     * records are included.
     */
    secretRecords: async (q: { first: number; last: number; clearance: Clearance }): Promise<number[]> => {
      const rows = await kysely
        .selectFrom('secret_record')
        .select('idx')
        .where('idx', '>=', q.first)
        .where('idx', '<=', q.last)
        .where('secrecy', '>', q.clearance)
        .orderBy('idx')
        .execute()
      return rows.map(({ idx }) => Number(idx))
    },

    secrecyOf: async (idx: number): Promise<Clearance> => {
      const row = await kysely
        .selectFrom('secret_record')
        .select('secrecy')
        .where('idx', '=', idx)
        .executeTakeFirst()
      return Number(row?.secrecy ?? 0) as Clearance
    },

    /**
     * What the index by person needs to know about the records from `first` to `last`. Records without a row
     * are left out.
     */
    parties: async (first: number, last: number): Promise<SearchedParty[]> => {
      const rows = await kysely
        .selectFrom('search')
        .select(['idx', 'service', 'secrecy', 'answers'])
        .where('idx', '>=', first)
        .where('idx', '<=', last)
        .execute()
      return rows.map(({ idx, service, secrecy, answers }) => ({
        ...{ idx: Number(idx), service, isSecret: Number(secrecy) > 0 },
        answers: answers === null ? undefined : Number(answers),
      }))
    },

    /** Rows after this index, in order. */
    after: (last: number, limit: number): Promise<SearchRow[]> =>
      kysely.selectFrom('search').selectAll().where('idx', '>', last).orderBy('idx').limit(limit).execute(),

    /** The rows of these records. Records without a row are left out. */
    byIndexes: async (indexes: number[]): Promise<SearchRow[]> =>
      indexes.length === 0
        ? []
        : kysely.selectFrom('search').selectAll().where('idx', 'in', indexes).execute(),
  }
}

function fitsAll(is: ExpressionBuilder<IndexTables, 'search'>, filter: RecordFilter, isPartitioned: boolean) {
  const { queryId, requestId, requestIds, exchangeOf, from, to, subjects } = filter
  return is.and([
    ...(subjects === undefined ? [] : [isOneOf(is, subjects, isPartitioned)]),
    fitsDimensions(is as never, filter),
    ...(queryId === undefined ? [] : [is('query_id', '=', queryId)]),
    ...(requestId === undefined ? [] : [is('request_id', '=', requestId)]),
    ...(requestIds === undefined ? [] : [is('request_id', 'in', requestIds)]),
    ...(exchangeOf === undefined ? [] : [isOfExchange(is, exchangeOf)]),
    ...(from === undefined ? [] : [is(TIME, '>=', from)]),
    ...(to === undefined ? [] : [is(TIME, '<', to)]),
  ])
}

function isOfExchange(is: ExpressionBuilder<IndexTables, 'search'>, first: number) {
  return is.or([is('idx', '=', first), is('answers', '=', first), is('kind', 'in', RECEIPT_KINDS)])
}

/**
 * With partitions the records are collected in an array first, and each is then looked up by its key. For a
 * join, the planner would expect it cheaper to read all partitions.
 */
function isOneOf(is: ExpressionBuilder<IndexTables, 'search'>, subjects: string[], isPartitioned: boolean) {
  const entries = subjects.map((entry) => Buffer.from(entry, 'hex'))
  const records = is.selectFrom('subject').select('subject.idx').where('subject.entry', 'in', entries)
  return isPartitioned ? sql<SqlBool>`idx = any (array(${records}))` : is('idx', 'in', records)
}

function byIndexDown(a: SearchRow, b: SearchRow): number {
  return b.idx - a.idx
}

function byTimeDown(a: SearchRow, b: SearchRow): number {
  if (a.time === b.time) return byIndexDown(a, b)
  return a.time < b.time ? 1 : -1
}

/**
 * Made once: building a statement with so many values each time would cost more than the insert. `or ignore`
 * saves a quarter of the time in SQLite: a statement that can fail half-way makes it copy every page before a
 * change.
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

/** In the order of COLUMNS. Written out because looking up columns by name in a loop is slow here. */
function valuesOf(row: SearchRow): (string | number | Buffer | null)[] {
  const { idx, time, kind, direction, outcome, query_id, request_id, client, service, peer, answers } = row
  const ids = [idx, time, kind, direction, outcome, query_id, request_id, client, service, peer, answers]
  return [...ids, row.keep_days, row.secrecy, row.user_hash, row.party_hash, row.terms]
}

function inParts(rows: SearchRow[]): SearchRow[][] {
  const parts: SearchRow[][] = []
  let at = 0
  for (; at + PART <= rows.length; at += PART) parts.push(rows.slice(at, at + PART))
  return [...parts, ...rows.slice(at).map((row) => [row])]
}

/** The blocks of the records below `size`, oldest first, in groups of BLOCKS_AT_ONCE. */
function blocksOf(size: number): number[][] {
  const queries = Math.ceil(size / (BLOCK_RECORDS * BLOCKS_AT_ONCE))
  return Array.from({ length: queries }, (_, query) =>
    Array.from({ length: BLOCKS_AT_ONCE }, (_, i) => query * BLOCKS_AT_ONCE + i),
  )
}
