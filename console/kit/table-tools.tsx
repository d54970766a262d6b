/**
 * Search, filters and, on narrow screens where a table has no head, the order of a list: each changes the
 * address.
 */
import { useEffect, useId, useRef, useState } from 'preact/hooks'
import type { Find } from './field.tsx'
import { useListAddress } from './list-address.ts'
import { utc, wrongMoment } from './moment.ts'
import { MomentInput } from './moment-input.tsx'
import { PickInput } from './pick.tsx'
import type { Column } from './rows.tsx'
import { type TextKey, text } from './text.ts'
import { zone } from './time.tsx'

type Option = { value: string; title: string }

/**
 * One of the API's filters: a choice of options, a text, an identifier to pick, a day, or otherwise a time.
 */
export type Filter = {
  name: string
  title: TextKey
  options?: Option[]
  type?: 'text' | 'date'
  /** For a text: suggested values. */
  suggestions?: string[]
  /** For an identifier: what fits a part of a name, and of how many parts with colons a whole one may be. */
  pick?: { find: Find; parts: readonly number[] }
}

const PAUSE_MS = 300
const MAX_LENGTH = 255

type Props<R> = {
  /** Of the list, which tells its search from that of another list of the page. */
  caption?: string
  search?: TextKey
  filters: Filter[]
  sorts: Column<R>[]
  sort: string
  /** The default order of the list; empty when no column shows it. */
  order?: string
}

export function Tools<R>({ caption, search, filters, sorts, sort, order }: Props<R>) {
  const { valueIn } = useListAddress()
  const ordered = sorts.filter((one) => one.sort !== undefined)
  if (search === undefined && filters.length === 0 && ordered.length === 0) return null
  return (
    <search class="tools" aria-label={caption}>
      {search !== undefined && <Search label={text(search)} />}
      {filters.map((filter) =>
        isMomentFilter(filter) ? (
          <MomentFilter key={filter.name} filter={filter} value={valueIn(filter.name)} />
        ) : filter.pick !== undefined ? (
          <PickFilter key={filter.name} filter={{ ...filter, ...filter.pick }} value={valueIn(filter.name)} />
        ) : (
          <label key={filter.name}>
            {text(filter.title)}
            <FilterInput filter={filter} value={valueIn(filter.name)} />
          </label>
        ),
      )}
      {ordered.length > 0 && (
        <label class="only-narrow">
          {text('table.order')}
          <Choice
            name="sort"
            value={sort}
            options={[
              ...(order === '' ? [{ value: '', title: text('table.ownOrder') }] : []),
              ...ordered.flatMap(({ sort: own, title }) => [
                { value: own!, title: text('table.rising', { column: text(title) }) },
                { value: `-${own}`, title: text('table.falling', { column: text(title) }) },
              ]),
            ]}
          />
        </label>
      )}
    </search>
  )
}

/**
 * What somebody types into a field whose value is in the address: it stays when the list below is drawn again
 * meanwhile, and only another value of the address than the one that the field has `told` replaces it. `told`
 * says whether that is another than before.
 */
function useTyped(given: string) {
  const [typed, setTyped] = useState(given)
  const known = useRef(given)
  useEffect(() => {
    if (given === known.current) return
    known.current = given
    setTyped(given)
  }, [given])
  const told = (value: string): boolean => {
    const isOther = value !== known.current
    known.current = value
    return isOther
  }
  return { typed, setTyped, told }
}

/** Searches for the typed text after a short pause, or at once with Enter. */
function Search({ label }: { label: string }) {
  const { valueIn, change } = useListAddress()
  const { typed, setTyped, told } = useTyped(valueIn('q'))
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => () => clearTimeout(timer.current), [])
  const look = (value: string): void => {
    clearTimeout(timer.current)
    told(value)
    change({ q: value, page: '' }, 'replace')
  }
  return (
    <label class="grow">
      {label}
      <input
        type="search"
        value={typed}
        maxLength={MAX_LENGTH}
        onInput={(event) => {
          const { value } = event.currentTarget
          setTyped(value)
          clearTimeout(timer.current)
          timer.current = setTimeout(() => look(value), PAUSE_MS)
        }}
        onKeyDown={(event) => {
          if (event.key === 'Enter') look(event.currentTarget.value)
        }}
      />
    </label>
  )
}

function Choice({ name, value, options }: { name: string; value: string; options: Option[] }) {
  const { change } = useListAddress()
  return (
    <select value={value} onChange={(event) => change({ [name]: event.currentTarget.value, page: '' })}>
      {options.map((option) => (
        <option key={option.value} value={option.value} selected={option.value === value}>
          {option.title}
        </option>
      ))}
    </select>
  )
}

function FilterInput({ filter, value }: { filter: Filter; value: string }) {
  const { name, options, suggestions } = filter
  const { change } = useListAddress()
  const list = useId()
  const { typed, setTyped, told } = useTyped(value)
  if (options !== undefined) return <Choice name={name} value={value} options={options} />
  const field = {
    value: typed,
    onInput: (event: { currentTarget: HTMLInputElement }): void => setTyped(event.currentTarget.value),
    onChange: (event: { currentTarget: HTMLInputElement }): void => {
      told(event.currentTarget.value)
      change({ [name]: event.currentTarget.value, page: '' })
    },
  }
  if (suggestions === undefined) return <input type="text" {...field} />
  return (
    <>
      <input type="text" {...field} list={list} />
      <datalist id={list}>
        {suggestions.map((one) => (
          <option key={one} value={one} />
        ))}
      </datalist>
    </>
  )
}

function isMomentFilter({ options, type, pick }: Filter): boolean {
  return options === undefined && pick === undefined && type !== 'text'
}

type PickProps = { filter: Pick<Filter, 'name' | 'title'> & NonNullable<Filter['pick']>; value: string }

/**
 * The API searches by whole identifiers: a part of a name that only one thing has stands for it, and any
 * other leaves the list below as it is until one is picked.
 */
function PickFilter({ filter: { name, title, find, parts }, value }: PickProps) {
  const { change } = useListAddress()
  const id = useId()
  const { typed, setTyped, told } = useTyped(value)
  const [isOpen, setOpen] = useState(false)
  const turn = useRef(0)
  // What is found later is for nobody: `change` would change the page that is shown then.
  useEffect(
    () => () => {
      turn.current += 1
    },
    [],
  )
  const take = (said: string): void => {
    turn.current += 1
    setTyped(said)
    setOpen(false)
    // What was picked is left, too.
    if (told(said)) change({ [name]: said, page: '' })
  }
  const leave = async (said: string): Promise<void> => {
    if (said === '' || parts.includes(said.split(':').length)) return take(said)
    turn.current += 1
    const own = turn.current
    const found = await find(said, {}).catch(() => [])
    if (own !== turn.current) return
    if (found.length === 1) take(found[0]!.value)
    else setOpen(true)
  }
  return (
    <div class="filter">
      <label for={id}>{text(title)}</label>
      <PickInput
        id={id}
        value={typed}
        maxLength={1400}
        placeholder={text('table.partOfName')}
        aria-invalid={isOpen || undefined}
        aria-describedby={isOpen ? `${id}-open` : undefined}
        find={(part) => find(part, {})}
        set={(said) => {
          turn.current += 1
          setOpen(false)
          setTyped(said)
        }}
        picked={take}
        left={(said) => void leave(said.trim())}
      />
      {isOpen && (
        <p class="error" id={`${id}-open`} role="alert">
          {text('table.pickOne')}
        </p>
      )}
    </div>
  )
}

/** A day or a time: its calendar is no part of its label. */
function MomentFilter({ filter, value }: { filter: Filter; value: string }) {
  const { name, title, type } = filter
  const { change } = useListAddress()
  const id = useId()
  const kind = type === 'date' ? 'date' : 'time'
  const [wrong, setWrong] = useState<string>()
  return (
    <div class="filter">
      <label for={id} title={zone()}>
        {text(title)}
      </label>
      <MomentInput
        {...{ id, kind, value }}
        aria-invalid={wrong !== undefined}
        aria-describedby={wrong === undefined ? undefined : `${id}-wrong`}
        done={(said) => {
          const why = said === '' ? undefined : wrongMoment(said, kind)
          setWrong(why)
          if (why === undefined && said !== value) change({ [name]: said, page: '' })
        }}
      />
      {wrong !== undefined && (
        <p class="error" id={`${id}-wrong`} role="alert">
          {wrong}
        </p>
      )}
    </div>
  )
}

/** The values of the filters in the address, in the form of the API. */
export function askedOf(query: URLSearchParams, filters: Filter[]): (readonly [string, string])[] {
  return filters.map(({ name, options, type, pick }) => {
    const given = query.get(name)?.trim() ?? ''
    const isTime = options === undefined && type === undefined && pick === undefined
    return [name, isTime ? utc(given) : given] as const
  })
}
