/**
 * The search over everything, opened by its button, by / or by Ctrl-K (Cmd-K): a combobox with a list of what
 * was found, in groups. The focus stays in the field; arrow keys choose, Enter goes there, Escape closes.
 */
import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { choose } from './address.tsx'
import { ApiFault, mayCall } from './api.ts'
import type { Group } from './contents.ts'
import { useConsole } from './context.ts'
import { type Found, type FoundGroup, findPages, LEAST_TYPED, offeredLooks, type Search } from './find.ts'
import { text } from './text.ts'

const PAUSE_MS = 250
const MAX_TYPED = 255
const EDITABLE = 'input, textarea, select, [contenteditable]'
const ON_MAC = /Mac|iPhone|iPad/.test(navigator.platform)

export function FindButton({ groups, search }: { groups: Group[]; search: Search }) {
  // A new number is a new dialog: one that was closed a moment ago may still have to say so, and must not
  // close the next.
  const [opened, setOpened] = useState(0)
  const [closed, setClosed] = useState(0)
  const openNext = (): void => setOpened((before) => before + 1)
  useEffect(() => {
    const open = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || document.querySelector('dialog[open]') !== null) return
      const isSlash = event.key === '/' && !event.ctrlKey && !event.metaKey && !event.altKey
      const isChord = event.key.toLowerCase() === 'k' && (event.ctrlKey || event.metaKey) && !event.altKey
      // A slash that is typed belongs to what is typed.
      if (isSlash && event.target instanceof Element && event.target.closest(EDITABLE) !== null) return
      if (!isSlash && !isChord) return
      event.preventDefault()
      openNext()
    }
    document.addEventListener('keydown', open)
    return () => document.removeEventListener('keydown', open)
  }, [])
  return (
    <>
      <button
        type="button"
        class="find-button"
        aria-keyshortcuts={ON_MAC ? '/ Meta+K' : '/ Control+K'}
        onClick={openNext}
      >
        {text('find.button')}{' '}
        <span aria-hidden="true" class="key">
          /
        </span>
      </button>
      {opened > closed && <FindDialog key={opened} {...{ groups, search }} close={() => setClosed(opened)} />}
    </>
  )
}

function FindDialog({ groups, search, close }: { groups: Group[]; search: Search; close(): void }) {
  const { session } = useConsole()
  const dialog = useRef<HTMLDialogElement>(null)
  const list = useRef<HTMLDivElement>(null)
  const id = useId()
  const [typed, setTyped] = useState('')
  const [active, setActive] = useState(0)
  /** Enter was pressed before the finders had answered. */
  const [waits, setWaits] = useState(false)
  const things = useFound(search, typed)
  const wanted = typed.trim()
  const pages = wanted === '' ? [] : findPages(groups, session, wanted)
  const known = wanted === '' ? [] : [...pages, ...things.found]
  const found: FoundGroup[] = wanted === '' ? [] : [...known, ...offeredLooks(search, session, wanted)]
  const all = found.flatMap((group) => group.found)
  const count = known.flatMap((group) => group.found).length
  // While the finders look, things are still those of the text before: nobody has asked for them.
  const ofNow = things.isLooking ? pages.flatMap((group) => group.found) : all
  const at = Math.min(active, ofNow.length - 1)
  const optionId = (number: number): string => `${id}-${number}`
  useLayoutEffect(() => dialog.current?.showModal(), [])
  useLayoutEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' })
  }, [at, all.length])

  const go = (one: Found | undefined): void => {
    if (one === undefined) return
    dialog.current?.close()
    choose(one.to)
  }
  useEffect(() => {
    if (!waits || things.isLooking) return
    setWaits(false)
    // Nobody has seen yet what can be looked for on purpose.
    if (things.fault === undefined && at < count) go(all[at])
  }, [waits, things.isLooking])
  const press = (event: KeyboardEvent): void => {
    // Keys that an input method uses to compose a character are its own.
    if (event.isComposing) return
    const last = ofNow.length - 1
    const to: Record<string, number> = {
      ArrowDown: at === last ? 0 : at + 1,
      ArrowUp: at <= 0 ? last : at - 1,
      PageDown: Math.min(at + 10, last),
      PageUp: Math.max(at - 10, 0),
    }
    const next = to[event.key]
    if (event.key === 'Enter' && things.isLooking && at < 0) setWaits(true)
    else if (event.key === 'Enter') go(ofNow[at])
    else if (next !== undefined && last >= 0) setActive(next)
    else return
    event.preventDefault()
  }
  let number = -1
  return (
    <dialog ref={dialog} class="find" aria-label={text('find.title')} onClose={close}>
      <div class="find-field">
        <input
          type="text"
          role="combobox"
          aria-label={text('find.title')}
          aria-autocomplete="list"
          aria-expanded={all.length > 0}
          aria-controls={`${id}-list`}
          aria-activedescendant={at >= 0 ? optionId(at) : undefined}
          aria-describedby={`${id}-state`}
          autocomplete="off"
          spellcheck={false}
          maxLength={MAX_TYPED}
          placeholder={text('find.title')}
          value={typed}
          onInput={({ currentTarget }) => {
            setTyped(currentTarget.value)
            setActive(0)
            setWaits(false)
          }}
          onKeyDown={press}
        />
        <button type="button" onClick={() => dialog.current?.close()}>
          {text('act.close')}
        </button>
      </div>
      <div ref={list} id={`${id}-list`} role="listbox" aria-label={text('find.found')} class="find-list">
        {found.map((group) => (
          <div key={group.title} role="group" aria-label={group.title}>
            <div class="find-group" aria-hidden="true">
              {group.title}
            </div>
            {group.found.map((one) => {
              number += 1
              const own = number
              return (
                <div
                  key={`${one.to} ${one.title}`}
                  id={optionId(own)}
                  role="option"
                  // The focus stays in the field.
                  tabIndex={-1}
                  aria-selected={own === at}
                  onMouseMove={() => own < ofNow.length && setActive(own)}
                  onMouseDown={(event) => event.preventDefault()}
                  onClick={() => go(one)}
                >
                  <bdi>{one.title}</bdi> {one.beside !== undefined && <bdi class="beside">{one.beside}</bdi>}
                </div>
              )
            })}
          </div>
        ))}
      </div>
      <p id={`${id}-state`} class={all.length > 0 ? 'find-state beside' : 'find-state'} role="status">
        {wanted === ''
          ? `${text('find.what')} ${text(search.what)}`
          : stateOf(things, { typed: wanted, count })}
      </p>
    </dialog>
  )
}

function stateOf(things: Things & { isLooking: boolean }, q: { typed: string; count: number }): string {
  if (things.isLooking) return text('find.looking')
  if (things.fault !== undefined) return text('find.failed')
  return q.count === 0 ? text('find.nothing', { typed: q.typed }) : text('find.count', { count: q.count })
}

/** A contract is in a list once for each of its versions. */
function once({ title, found }: FoundGroup): FoundGroup {
  const isFirst = (one: Found, at: number): boolean => found.findIndex(({ to }) => to === one.to) === at
  return { title, found: found.filter(isFirst) }
}

const isAny = ({ found }: FoundGroup): boolean => found.length > 0

/** `of`: the text for which it was found. */
type Things = { of: string; found: FoundGroup[]; fault: ApiFault | undefined }

const NOTHING: Things = { of: '', found: [], fault: undefined }

/** Asks the finders when somebody has paused; answers to what was typed before are dropped. */
function useFound({ finders }: Search, typed: string) {
  const { api, session, signedOut } = useConsole()
  const [things, setThings] = useState(NOTHING)
  const mine = finders.filter(({ operation }) => mayCall(session, operation))
  const wanted = typed.trim().length < LEAST_TYPED || mine.length === 0 ? '' : typed.trim()
  useEffect(() => {
    if (wanted === '') return setThings(NOTHING)
    const ending = new AbortController()
    const { signal } = ending
    const timer = setTimeout(() => {
      Promise.all(mine.map(({ find }) => find(wanted, api.call, signal))).then(
        (found) => {
          if (!signal.aborted)
            setThings({ ...NOTHING, of: wanted, found: found.flat().map(once).filter(isAny) })
        },
        (cause: unknown) => {
          if (signal.aborted) return
          const fault = cause instanceof ApiFault ? cause : new ApiFault(0, { message: String(cause) })
          if (fault.status === 401) signedOut()
          else setThings({ ...NOTHING, of: wanted, fault })
        },
      )
    }, PAUSE_MS)
    return () => {
      clearTimeout(timer)
      ending.abort()
    }
  }, [wanted])
  // Said with the very key that asks for more: what is shown is then still of the text before.
  return { ...things, isLooking: things.of !== wanted }
}
