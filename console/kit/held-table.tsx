/**
 * A list whose rows the page has already. It is searched, filtered and paged here; its state is in the
 * address, like that of a list that the server pages.
 */
import { type ComponentChildren, Fragment } from 'preact'
import { NamedList, useListAddress } from './list-address.ts'
import { useAnnounceFound } from './live.tsx'
import { Paging, SIZES } from './paging.tsx'
import { Empty } from './placeholders.tsx'
import { type Column, Rows } from './rows.tsx'
import { type Filter, Tools } from './table-tools.tsx'
import { type TextKey, text } from './text.ts'

type ChoiceFilter<R> = Filter & { fits(row: R, value: string): boolean }

type ListProps<R> = {
  rows: R[]
  caption?: string
  /** Where its page has other lists: with what its parameters in the address begin. */
  name?: string
  search?: TextKey
  /** The words of a row in which a search looks; with a text of its own only where the list has pages. */
  words?(row: R): string
  filters?: ChoiceFilter<R>[]
  /** What to show when the list has no row at all. */
  empty: ComponentChildren
  /** There are more rows than the page has, in which nobody has searched. */
  isPart?: boolean
}

type HeldListProps<R> = ListProps<R> & { children: (shown: R[]) => ComponentChildren }

export function HeldList<R>({ name = '', ...q }: HeldListProps<R>) {
  return (
    <NamedList value={name}>
      <Held<R> {...q} />
    </NamedList>
  )
}

function Held<R>(q: Omit<HeldListProps<R>, 'name'>) {
  const { rows, caption, search, words, filters = [], empty, isPart = false, children } = q
  const { valueIn } = useListAddress()
  const size = SIZES.find((one) => String(one) === valueIn('size')) ?? SIZES[0]
  const wanted = valueIn('q').trim().toLowerCase()
  const asked = filters.flatMap((filter) => {
    const value = valueIn(filter.name)
    return value === '' ? [] : [{ filter, value }]
  })
  const found = rows.filter(
    (row) =>
      (wanted === '' || words === undefined || words(row).toLowerCase().includes(wanted)) &&
      asked.every(({ filter, value }) => filter.fits(row, value)),
  )
  const last = Math.max(1, Math.ceil(found.length / size))
  const page = Math.max(1, Math.min(Number.parseInt(valueIn('page'), 10) || 1, last))
  const question = [wanted, ...asked.map(({ filter, value }) => `${filter.name} ${value}`), page].join('\n')
  const isAsked = wanted !== '' || asked.length > 0 || page > 1
  useAnnounceFound(question, isAsked ? text('table.found', { count: found.length }) : undefined)
  const isLong = rows.length > SIZES[0] || wanted !== ''
  const label = search ?? (words !== undefined && isLong ? 'table.search' : undefined)
  const more = {
    ...(label === undefined ? {} : { search: label }),
    ...(caption === undefined ? {} : { caption }),
  }
  return (
    <div class="list">
      {rows.length > 0 && <Tools {...more} filters={filters} sorts={[]} sort="" />}
      {found.length === 0 ? (
        <Empty>
          {rows.length === 0 ? empty : <p>{text(isPart ? 'table.noneFitsHere' : 'table.noneFits')}</p>}
        </Empty>
      ) : (
        <Fragment>{children(found.slice((page - 1) * size, page * size))}</Fragment>
      )}
      {found.length > SIZES[0] && <Paging {...{ caption, page, size }} total={found.length} />}
    </div>
  )
}

type TableProps<R> = ListProps<R> & {
  caption: string
  columns: Column<R>[]
  rowKey(row: R): string | number
}

export function HeldTable<R>({ columns, rowKey, ...q }: TableProps<R>) {
  return (
    <HeldList<R> {...q}>
      {(rows) => <Rows<R> caption={q.caption} columns={columns} rows={rows} rowKey={rowKey} />}
    </HeldList>
  )
}
