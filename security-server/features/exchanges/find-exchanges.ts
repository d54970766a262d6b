/**
 * Searches for exchanges: the records that fit, one row for each exchange. An exchange stands where its newest fitting record stands
 * in the list of records, so it appears once, whatever the size of pages and the order of the list.
 */
import type { FoundExchange } from '#schemas/found-record.ts'
import type { FoundRow, RecordFilter, SearchFilter } from '../../reading/index/search-filter.ts'
import type { ReadableLog } from '../../reading/readable-log.ts'
import { rowView } from '../../reading/record-filter.ts'

/** Most exchanges have two records. */
const RECORDS_OF_ONE = 2
const MAX_PAGE = 500
/** How many exchanges one query completes. Some have many records, and it gives 500 at most. */
const AT_ONCE = 50
/** After so many pages of records of which few were the newest of their exchange, the search says where to go on. */
const MAX_STEPS = 8

type Log = Pick<ReadableLog, 'listSome'>
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
  const [all, fitting] = [new Map<string, FoundRow[]>(), new Map<string, number>()]
  for (let at = 0; at < ids.length; at += AT_ONCE) {
    const requestIds = ids.slice(at, at + AT_ONCE)
    for (const row of (await log.listSome({ requestIds, limit: MAX_PAGE })).rows)
      all.set(row.request_id, [row, ...(all.get(row.request_id) ?? [])])
    for (const { request_id: id, idx } of (await log.listSome({ ...filter, requestIds, limit: MAX_PAGE }))
      .rows)
      fitting.set(id, Math.max(fitting.get(id) ?? -1, Number(idx)))
  }
  return rows
    .filter(({ request_id: id, idx }) => id === '' || (fitting.get(id) ?? Number(idx)) <= Number(idx))
    .map((row) => ({
      index: Number(row.idx),
      records: recordsOf(row, all).map(rowView),
    }))
}

function recordsOf(row: FoundRow, all: Map<string, FoundRow[]>): FoundRow[] {
  const records = all.get(row.request_id) ?? [row]
  return records.toSorted((one, other) => Number(one.idx) - Number(other.idx))
}
