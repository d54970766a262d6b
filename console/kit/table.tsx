/**
 * A list that the server pages, searches and sorts. Its state is in the address, so that a view can be
 * shared. The page contains only one part of the list.
 */
import type { ComponentChildren } from 'preact'
import { useAddress } from './address.tsx'
import { useAnnounceFound } from './live.tsx'
import { useAnswer } from './load.ts'
import { NotRefreshed } from './not-refreshed.tsx'
import { Paging, SIZES } from './paging.tsx'
import { Empty, Loading, Refused } from './placeholders.tsx'
import { type Column, Rows } from './rows.tsx'
import { askedOf, type Filter, Tools } from './table-tools.tsx'
import { type TextKey, text } from './text.ts'

type TableProps<R, A> = {
  operation: string
  params?: Record<string, string>
  /** Filters that this list always has. */
  fixed?: Record<string, string>
  caption: string
  columns: Column<R>[]
  rowKey(row: R): string | number
  /** Finds the rows in an answer that is no list. */
  rowsOf?(answer: A): R[]
  /** Shows the other parts of the answer. */
  beside?(answer: A): ComponentChildren
  /** The API's default order. */
  order?: string
  search?: TextKey
  filters?: Filter[]
  /** What to show when the list has no row at all. */
  empty: ComponentChildren
}

export function Table<R, A = R[]>(q: TableProps<R, A>) {
  const { query } = useAddress()
  const { filters = [], columns, order = '', rowsOf = (answer: A) => answer as A & R[] } = q
  const size = SIZES.find((one) => String(one) === query.get('size')) ?? SIZES[0]
  const page = Math.max(1, Math.min(Number.parseInt(query.get('page') ?? '1', 10) || 1, 100_000))
  const sorts = columns.flatMap(({ sort }) => (sort === undefined ? [] : [sort]))
  const sort = sortOf(query.get('sort') ?? '', sorts) ?? order
  const asked = askedOf(query, filters)
  const isFiltered = query.get('q') !== null || asked.some(([, value]) => value !== '')
  const list = useAnswer<A>(q.operation, {
    ...(q.params === undefined ? {} : { params: q.params }),
    query: {
      ...q.fixed,
      ...Object.fromEntries(asked),
      ...(q.search === undefined ? {} : { q: query.get('q') ?? '' }),
      ...(sorts.length === 0 ? {} : { sort }),
      offset: String((page - 1) * size),
      limit: String(size),
    },
  })
  const rows = list.state === 'there' ? rowsOf(list.data) : []
  // That nothing was found before says nothing of what is asked now.
  const isOfBefore = list.state === 'there' && list.isOther && rows.length === 0
  const isNow = list.state === 'there' && !list.stale && list.outdated === undefined
  useAnnounceFound(query.toString(), isNow ? text('table.found', { count: list.total }) : undefined)

  return (
    <div class="list paged">
      <Tools {...q} filters={filters} sorts={columns} sort={sort} order={order} />
      {(list.state === 'loading' || isOfBefore) && <Loading />}
      {list.state === 'refused' && <Refused fault={list.fault} again={list.again} />}
      <NotRefreshed of={list} />
      {list.state === 'there' && rows.length === 0 && !isOfBefore && (
        <Empty>
          {isFiltered ? (
            <p>{text('table.noneFits')}</p>
          ) : page > 1 ? (
            <p>{text('table.pastTheEnd')}</p>
          ) : (
            q.empty
          )}
        </Empty>
      )}
      {list.state === 'there' && rows.length > 0 && (
        <Rows {...q} rows={rows} stale={list.stale} sort={sort} />
      )}
      {list.state === 'there' && <Paging page={page} size={size} total={list.total} />}
      {list.state === 'there' && !isOfBefore && q.beside?.(list.data)}
    </div>
  )
}

/** The order in the address, if the list can be sorted by it. */
function sortOf(given: string, sorts: string[]): string | undefined {
  return sorts.includes(given.replace(/^-/, '')) ? given : undefined
}
