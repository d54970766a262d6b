/**
 * A list without a total, newest rows first unless its API gives the oldest first. A page is named by the row
 * before it, so a page keeps its rows while the list grows.
 */
import type { ComponentChildren } from 'preact'
import { useAddress } from './address.tsx'
import { useAnnounceFound } from './live.tsx'
import { useAnswer } from './load.ts'
import { NotRefreshed } from './not-refreshed.tsx'
import { CursorPaging, SIZES } from './paging.tsx'
import { Empty, Loading, Refused } from './placeholders.tsx'
import { type Column, Rows } from './rows.tsx'
import { askedOf, type Filter, Tools } from './table-tools.tsx'
import { text } from './text.ts'

type CursorTableProps<R, A> = {
  operation: string
  /** Filters that this list always has. */
  fixed?: Record<string, string>
  caption: string
  columns: Column<R>[]
  /** The key of a row; it also names the page after the row. */
  rowKey(row: R): string | number
  filters?: Filter[]
  /** The API gives the oldest first, and names the page by `after`. */
  oldestFirst?: boolean
  /** How many rows a page may have, where the API gives fewer than usual. */
  sizes?: readonly [number, ...number[]]
  /** Finds the rows in an answer that is no list. */
  rowsOf?(answer: A): R[]
  /** Shows the other parts of the answer. */
  beside?(answer: A): ComponentChildren
  /** What to show when the list has no row at all. */
  empty: ComponentChildren
}

const CURSOR = /^(0|[1-9]\d{0,14})$/

export function CursorTable<R, A = R[]>(q: CursorTableProps<R, A>) {
  const { query } = useAddress()
  const { filters = [], sizes = SIZES, oldestFirst = false, rowsOf = (answer: A) => answer as A & R[] } = q
  const size = sizes.find((one) => String(one) === query.get('size')) ?? sizes[0]
  const given = query.get('page') ?? ''
  const before = CURSOR.test(given) ? given : ''
  const asked = askedOf(query, filters)
  // One row more than is shown tells whether there are more.
  const found = useAnswer<A>(q.operation, {
    query: {
      ...{ ...q.fixed, ...Object.fromEntries(asked), limit: String(size + 1) },
      [oldestFirst ? 'after' : 'before']: before,
    },
  })
  const all = found.state === 'there' ? rowsOf(found.data) : []
  const rows = all.slice(0, size)
  const hasNext = all.length > size
  const isNow = found.state === 'there' && !found.stale && found.outdated === undefined
  // That nothing was found before says nothing of what is asked now.
  const isOfBefore = found.state === 'there' && found.isOther && rows.length === 0
  const shown = text(hasNext ? 'table.shownMore' : 'table.shownLast', { count: rows.length })
  useAnnounceFound(query.toString(), isNow ? shown : undefined)
  const isFiltered = asked.some(([, value]) => value !== '')
  const last = rows.at(-1)
  const next = hasNext && last !== undefined ? String(q.rowKey(last)) : undefined
  return (
    <div class="list paged">
      <Tools filters={filters} sorts={[]} sort="" />
      {(found.state === 'loading' || isOfBefore) && <Loading />}
      {found.state === 'refused' && <Refused fault={found.fault} again={found.again} />}
      <NotRefreshed of={found} />
      {found.state === 'there' && rows.length === 0 && !isOfBefore && (
        <Empty>
          {isFiltered ? (
            <p>{text('table.noneFits')}</p>
          ) : before === '' ? (
            q.empty
          ) : (
            <p>{text('table.pastTheEnd')}</p>
          )}
        </Empty>
      )}
      {found.state === 'there' && rows.length > 0 && <Rows {...q} rows={rows} stale={found.stale} />}
      {found.state === 'there' && (
        <CursorPaging
          {...{ shown: rows.length === 0 ? '' : shown, rows: rows.length, before, next, size, sizes }}
          {...(oldestFirst && { newest: text('table.first'), older: text('table.next') })}
        />
      )}
      {found.state === 'there' && !isOfBefore && q.beside?.(found.data)}
    </div>
  )
}
