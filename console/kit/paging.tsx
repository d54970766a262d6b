/**
 * The paging of a list: which part is shown, of how many, and the buttons to other parts. What would do
 * nothing is not there: a list that fits on its smallest page has neither buttons nor a choice of rows a
 * page.
 */
import type { ComponentChildren } from 'preact'
import { Link } from './address.tsx'
import { useListAddress } from './list-address.ts'
import { text } from './text.ts'

export const SIZES = [25, 50, 100, 200] as const

/** `caption`: of the list, which tells its paging from that of another list of the page. */
export function Paging(q: { caption?: string | undefined; page: number; size: number; total: number }) {
  const { caption, page, size, total } = q
  if (total === 0 && page === 1) return null
  const last = Math.max(1, Math.ceil(total / size))
  const first = (page - 1) * size + 1
  return (
    <nav class="paging" aria-label={[text('table.pages'), caption].filter(Boolean).join(': ')}>
      <p>
        {/* An empty list, or a page beyond its end, has a text above. */}
        {first <= total && (
          <>
            {text('table.shown', { from: first, to: Math.min(page * size, total), total })}
            {last > 1 && <span class="beside"> {text('table.page', { page, last })}</span>}
          </>
        )}
      </p>
      <div class="acts">
        {(last > 1 || page > 1) && <Steps page={page} last={last} />}
        {total > SIZES[0] && <PageSize size={size} />}
      </div>
    </nav>
  )
}

/**
 * The paging of a list without a total. `shown` is empty when there are no rows, `before` names the row
 * before this page, `next` is the page's last row when there are more.
 */
export function CursorPaging(q: {
  shown: string
  rows: number
  before: string
  next: string | undefined
  /** The texts of the buttons to the first page and to the next, when they differ from the usual ones. */
  newest?: string | undefined
  older?: string | undefined
  size: number
  sizes: readonly [number, ...number[]]
}) {
  const { change } = useListAddress()
  const isWhole = q.before === '' && q.next === undefined
  if (isWhole && q.shown === '') return null
  return (
    <nav class="paging" aria-label={text('table.pages')}>
      <p>{q.shown}</p>
      <div class="acts">
        {!isWhole && (
          <>
            <Step isOff={q.before === ''} go={() => change({ page: '' })}>
              {q.newest ?? text('search.newest')}
            </Step>
            <Step isOff={q.next === undefined} go={() => change({ page: q.next ?? '' })}>
              {q.older ?? text('search.older')}
            </Step>
          </>
        )}
        {(!isWhole || q.rows > q.sizes[0]) && <PageSize size={q.size} sizes={q.sizes} />}
      </div>
    </nav>
  )
}

function PageSize({ size, sizes = SIZES }: { size: number; sizes?: readonly number[] | undefined }) {
  const { change } = useListAddress()
  return (
    <label>
      {text('table.size')}
      <select onChange={(event) => change({ size: event.currentTarget.value, page: '' })}>
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
  const { change } = useListAddress()
  const goTo = (to: number): void => change({ page: to === 1 ? '' : String(to) })
  return (
    <>
      <Step isOff={page <= 1} go={() => goTo(1)}>
        {text('table.first')}
      </Step>
      <Step isOff={page <= 1} go={() => goTo(Math.min(page - 1, last))}>
        {text('table.previous')}
      </Step>
      <Step isOff={page >= last} go={() => goTo(page + 1)}>
        {text('table.next')}
      </Step>
      <Step isOff={page >= last} go={() => goTo(last)}>
        {text('table.last')}
      </Step>
    </>
  )
}

/** A button that stays where it is when it leads nowhere, so that whoever pressed it keeps their place. */
export function Step(q: { isOff: boolean; go(): void; children: ComponentChildren }) {
  const { isOff, go, children } = q
  return (
    <button type="button" aria-disabled={isOff} onClick={() => isOff || go()}>
      {children}
    </button>
  )
}

/** Below a list that shows the first of more: how many there are, and where all of them stand. */
export function FirstOf({ shown, total, all }: { shown: number; total: number; all: string }) {
  if (total <= shown) return null
  return (
    <p class="note">
      {text('table.shown', { from: 1, to: shown, total })} <Link to={all}>{text('table.allOfThem')}</Link>
    </p>
  )
}
