/** Rows under their columns: a table on a wide screen, one card per row on a narrow one. */
import type { ComponentChildren } from 'preact'
import { changeQuery } from './address.tsx'
import { mayCall } from './api.ts'
import { useConsole } from './context.ts'
import { type TextKey, text } from './text.ts'

export type Column<R> = {
  title: TextKey
  cell(row: R): ComponentChildren
  /** The name by which the API sorts this column. */
  sort?: string
  number?: boolean
  /** A column of acts: only callers of one of these operations see it. */
  acts?: string[]
}

type RowsProps<R> = {
  caption: string
  columns: Column<R>[]
  rows: R[]
  rowKey(row: R): string | number
  /** The present order, as the API names it. */
  sort?: string
  /** The rows are being loaded again. */
  stale?: boolean
}

// The ARIA roles are explicit: a table that is laid out as cards would lose its own.
export function Rows<R>({ caption, columns: all, rows, rowKey, sort = '', stale = false }: RowsProps<R>) {
  const { session } = useConsole()
  const columns = all.filter(({ acts }) => acts?.some((operation) => mayCall(session, operation)) ?? true)
  return (
    <table role="table" class={stale ? 'rows stale' : 'rows'} aria-busy={stale}>
      <caption class="heard">{caption}</caption>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map((column) => (
            <Heading key={column.title} column={column} sort={sort} />
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((row) => (
          <tr role="row" key={rowKey(row)}>
            {columns.map(({ title, cell, number, acts }) => (
              <td role="cell" key={title} data-title={text(title)} class={lookOf(number, acts)}>
                <div>{cell(row)}</div>
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function lookOf(number: boolean | undefined, acts: string[] | undefined): string | undefined {
  return number === true ? 'number' : acts === undefined ? undefined : 'of-acts'
}

const MARKS = { none: '↕', ascending: '↑', descending: '↓' } as const

function Heading<R>({ column, sort }: { column: Column<R>; sort: string }) {
  const { title, sort: own, number, acts } = column
  const look = lookOf(number, acts)
  if (own === undefined) {
    return (
      <th role="columnheader" scope="col" class={look}>
        {text(title)}
      </th>
    )
  }
  const isOwn = sort.replace(/^-/, '') === own
  const direction = !isOwn ? 'none' : sort.startsWith('-') ? 'descending' : 'ascending'
  const next = direction === 'ascending' ? `-${own}` : own
  return (
    <th role="columnheader" scope="col" class={look} aria-sort={direction}>
      <button type="button" onClick={() => changeQuery({ sort: next, page: '' })}>
        {text(title)} <span aria-hidden="true">{MARKS[direction]}</span>
      </button>
    </th>
  )
}
