/**
 * A list whose rows the page has already. It is searched, filtered and paged here; its state is in the
 * address, like that of a list that the server pages.
 */
import { type ComponentChildren, Fragment } from 'preact'
import { useEffect } from 'preact/hooks'
import { useAddress } from './address.tsx'
import { useAnnounce } from './live.tsx'
import { Paging, SIZES } from './paging.tsx'
import { Empty } from './placeholders.tsx'
import { type Column, Rows } from './rows.tsx'
import { type Filter, Tools } from './table-tools.tsx'
import { type TextKey, text } from './text.ts'

type ChoiceFilter<R> = Filter & { fits(row: R, value: string): boolean }

type ListProps<R> = {
  rows: R[]
  search?: TextKey
  /** The words of a row in which a search looks. */
  words?(row: R): string
  filters?: ChoiceFilter<R>[]
  /** What to show when the list has no row at all. */
  empty: ComponentChildren
}

export function HeldList<R>(q: ListProps<R> & { children: (shown: R[]) => ComponentChildren }) {
  const { rows, search, words, filters = [], empty, children } = q
  const { query } = useAddress()
  const announce = useAnnounce()
  const size = SIZES.find((one) => String(one) === query.get('size')) ?? SIZES[0]
  const wanted = (query.get('q') ?? '').trim().toLowerCase()
  const asked = filters.flatMap((filter) => {
    const value = query.get(filter.name) ?? ''
    return value === '' ? [] : [{ filter, value }]
  })
  const found = rows.filter(
    (row) =>
      (wanted === '' || words === undefined || words(row).toLowerCase().includes(wanted)) &&
      asked.every(({ filter, value }) => filter.fits(row, value)),
  )
  const last = Math.max(1, Math.ceil(found.length / size))
  const page = Math.max(1, Math.min(Number.parseInt(query.get('page') ?? '1', 10) || 1, last))
  useEffect(() => {
    if (wanted !== '' || asked.length > 0) announce(text('table.found', { count: found.length }))
  }, [wanted, asked.length, found.length])
  const more = search === undefined ? {} : { search }
  return (
    <div class="list">
      {rows.length > 0 && <Tools {...more} filters={filters} sorts={[]} sort="" />}
      {found.length === 0 ? (
        <Empty>{rows.length === 0 ? empty : <p>{text('table.noneFits')}</p>}</Empty>
      ) : (
        <Fragment>{children(found.slice((page - 1) * size, page * size))}</Fragment>
      )}
      {found.length > SIZES[0] && <Paging page={page} size={size} total={found.length} />}
    </div>
  )
}

type TableProps<R> = ListProps<R> & {
  caption: string
  columns: Column<R>[]
  rowKey(row: R): string | number
}

export function HeldTable<R>({ caption, columns, rowKey, ...q }: TableProps<R>) {
  return (
    <HeldList<R> {...q}>
      {(rows) => <Rows<R> caption={caption} columns={columns} rows={rows} rowKey={rowKey} />}
    </HeldList>
  )
}
