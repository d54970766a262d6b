/** The paging of a list: which part is shown, of how many, and the buttons to other parts. */
import { changeQuery } from './address.tsx'
import { text } from './text.ts'

export const SIZES = [25, 50, 100, 200] as const

export function Paging({ page, size, total }: { page: number; size: number; total: number }) {
  const last = Math.max(1, Math.ceil(total / size))
  const first = (page - 1) * size + 1
  return (
    <nav class="paging" aria-label={text('table.pages')}>
      <p>
        {/* An empty list, or a page beyond its end, has a text above. */}
        {first <= total && (
          <>
            {text('table.shown', { from: first, to: Math.min(page * size, total), total })}
            <span class="beside"> {text('table.page', { page, last })}</span>
          </>
        )}
      </p>
      <div class="acts">
        {(last > 1 || page > 1) && <Steps page={page} last={last} />}
        <PageSize size={size} />
      </div>
    </nav>
  )
}

/**
 * The paging of a list without a total. `shown` is empty when there are no rows, `before` names the row before this page, `next`
 * is the page's last row when there are more.
 */
export function CursorPaging(q: {
  shown: string
  before: string
  next: string | undefined
  /** The texts of the buttons to the first page and to the next, when they differ from the usual ones. */
  newest?: string | undefined
  older?: string | undefined
  size: number
  sizes?: readonly number[] | undefined
}) {
  return (
    <nav class="paging" aria-label={text('table.pages')}>
      <p>{q.shown}</p>
      <div class="acts">
        <button type="button" disabled={q.before === ''} onClick={() => changeQuery({ page: '' })}>
          {q.newest ?? text('search.newest')}
        </button>
        <button
          type="button"
          disabled={q.next === undefined}
          onClick={() => changeQuery({ page: q.next ?? '' })}
        >
          {q.older ?? text('search.older')}
        </button>
        <PageSize size={q.size} sizes={q.sizes} />
      </div>
    </nav>
  )
}

function PageSize({ size, sizes = SIZES }: { size: number; sizes?: readonly number[] | undefined }) {
  return (
    <label>
      {text('table.size')}
      <select onChange={(event) => changeQuery({ size: event.currentTarget.value, page: '' })}>
        {sizes.map((one) => (
          <option key={one} value={one} selected={one === size}>
            {one}
          </option>
        ))}
      </select>
    </label>
  )
}

function Steps({ page, last }: { page: number; last: number }) {
  const goTo = (to: number): void => changeQuery({ page: to === 1 ? '' : String(to) })
  return (
    <>
      <button type="button" disabled={page <= 1} onClick={() => goTo(1)}>
        {text('table.first')}
      </button>
      <button type="button" disabled={page <= 1} onClick={() => goTo(Math.min(page - 1, last))}>
        {text('table.previous')}
      </button>
      <button type="button" disabled={page >= last} onClick={() => goTo(page + 1)}>
        {text('table.next')}
      </button>
      <button type="button" disabled={page >= last} onClick={() => goTo(last)}>
        {text('table.last')}
      </button>
    </>
  )
}
