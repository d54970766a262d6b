/**
 * Searches for exchanges: the records that fit, one row for each exchange. An exchange stands where its
 * newest fitting record stands in the list of records, so it appears once, whatever the size of pages and the
 * order of the list.
 *
 * Guarantees that no exchange hides behind another: the request id of an incoming request is whatever the
 * other server says, and one that gives the same id to many requests has a row for each of them.
 */

import type { FoundExchange } from '#schemas/found-record.ts'
import { wholeNumber } from '#schemas/sent-values.ts'
import type { FoundRow, RecordFilter, SearchFilter } from '../../reading/index/search-filter.ts'
import type { ReadableLog } from '../../reading/readable-log.ts'
import { rowView } from '../../reading/record-filter.ts'

/** Most exchanges have two records. */
const RECORDS_OF_ONE = 2
const MAX_PAGE = 500
/** How many exchanges one query completes. Some have many records, and it gives 500 at most. */
const AT_ONCE = 50
/**
 * After so many pages of records of which few were the newest of their exchange, the search says where to go
 * on.
 */
const MAX_STEPS = 8

/** `own`: the identifier of this server, as records name their peer. */
type Log = Pick<ReadableLog, 'listSome'> & { own: string }
type Found = { exchanges: FoundExchange[]; searchedTo?: number }

export async function findExchanges(
  log: Log,
  filter: RecordFilter,
  { before, limit }: { before?: number; limit: number },
): Promise<Found> {
  const exchanges: FoundExchange[] = []
  let from = before
  for (let step = 0; step < MAX_STEPS; step++) {
    const page: SearchFilter = {
      ...filter,
      limit: Math.min(MAX_PAGE, (limit - exchanges.length) * RECORDS_OF_ONE + 1),
      ...(from === undefined ? {} : { before: from }),
    }
    const { rows, searchedTo } = await log.listSome(page)
    for (const exchange of await completed(log, filter, rows)) {
      exchanges.push(exchange)
      if (exchanges.length === limit) return { exchanges }
    }
    if (searchedTo !== undefined) return { exchanges, searchedTo }
    if (rows.length < page.limit) return { exchanges }
    from = Number(rows.at(-1)!.idx)
  }
  return { exchanges, searchedTo: from! }
}

/** The exchanges of which the newest fitting record is among these rows, in the order of the rows. */
async function completed(log: Log, filter: RecordFilter, rows: FoundRow[]): Promise<FoundExchange[]> {
  const ids = [...new Set(rows.map((row) => row.request_id))].filter((id) => id !== '')
  const [exchangeOf, newest] = [new Map<number, FoundRow[]>(), new Map<FoundRow[], number>()]
  for (let at = 0; at < ids.length; at += AT_ONCE) {
    const requestIds = ids.slice(at, at + AT_ONCE)
    for (const exchange of apart(await rowsOf(log, {}, requestIds), log.own))
      for (const { idx } of exchange) exchangeOf.set(Number(idx), exchange)
    for (const { idx } of [...rows, ...(await rowsOf(log, filter, requestIds))]) {
      const exchange = exchangeOf.get(Number(idx))
      if (exchange !== undefined) newest.set(exchange, Math.max(newest.get(exchange) ?? -1, Number(idx)))
    }
  }
  return rows
    .map((row) => ({ row, exchange: exchangeOf.get(Number(row.idx)) ?? [row] }))
    .filter(({ row, exchange }) => (newest.get(exchange) ?? -1) <= Number(row.idx))
    .map(({ row, exchange }) => ({ index: wholeNumber(row.idx), records: exchange.map(rowView) }))
}

/** The records with these request ids; of an id that has more of them than one query gives, the newest. */
async function rowsOf(log: Log, filter: RecordFilter, requestIds: string[]): Promise<FoundRow[]> {
  const { rows } = await log.listSome({ ...filter, requestIds, limit: MAX_PAGE })
  if (rows.length < MAX_PAGE || requestIds.length === 1) return rows
  const each: FoundRow[] = []
  for (const id of requestIds) each.push(...(await rowsOf(log, filter, [id])))
  return each
}

/**
 * The exchanges of records that share their ids: a request with what answers it, each in the order of the
 * log.
 */
function apart(rows: FoundRow[], own: string): FoundRow[][] {
  const asksItself = new Set(rows.filter(({ peer }) => peer === own).map((row) => row.request_id))
  const exchanges = new Map<string, FoundRow[]>()
  for (const row of rows.toSorted((one, other) => Number(one.idx) - Number(other.idx))) {
    // A server that is asked by itself has both halves of one exchange; a request that goes out does not name
    // its peer yet.
    const isBothHalves = asksItself.has(row.request_id) && (row.peer === own || row.peer === '')
    const name = JSON.stringify([row.request_id, isBothHalves ? '' : Number(row.answers ?? row.idx)])
    exchanges.set(name, [...(exchanges.get(name) ?? []), row])
  }
  return [...exchanges.values()]
}
