/**
 * The address: pages are paths below the console, and a list's filters are in the query, so that every view
 * has a link.
 */
import { type ComponentChildren, createContext } from 'preact'
import { useContext, useEffect, useState } from 'preact/hooks'
import { asksBeforeLeaving, leave } from './unsaved.ts'

const ROOT = import.meta.env.BASE_URL.replace(/\/$/, '')

const MOVED = 'console:moved'

type Address = { path: string; query: URLSearchParams }

export function presentAddress(): Address {
  const { pathname, search } = window.location
  const path = pathname.startsWith(ROOT) ? pathname.slice(ROOT.length) : pathname
  return { path: path === '' ? '/' : path, query: new URLSearchParams(search) }
}

export function useAddress(): Address {
  const [address, setAddress] = useState(presentAddress)
  useEffect(() => {
    const follow = (): void => setAddress(presentAddress())
    for (const event of ['popstate', MOVED]) window.addEventListener(event, follow)
    return () => {
      for (const event of ['popstate', MOVED]) window.removeEventListener(event, follow)
    }
  }, [])
  return address
}

/** Goes to a path below the console. */
export function goTo(path: string): void {
  window.history.pushState(null, '', ROOT + path)
  window.dispatchEvent(new Event(MOVED))
}

/** Changes only these parameters of the query; an empty value removes its parameter. */
export function changeQuery(changes: Record<string, string>, how: 'push' | 'replace' = 'push'): void {
  const query = new URLSearchParams(window.location.search)
  for (const [name, value] of Object.entries(changes)) {
    if (value === '') query.delete(name)
    else query.set(name, value)
  }
  const search = query.toString()
  const target = `${window.location.pathname}${search === '' ? '' : `?${search}`}`
  if (how === 'push') window.history.pushState(null, '', target)
  else window.history.replaceState(null, '', target)
  window.dispatchEvent(new Event(MOVED))
}

/**
 * A browser has made a step in its history when a page hears of it: while text would be lost, the page undoes
 * it and asks.
 */
export function askBeforeSteps(): void {
  const view = (): string => window.location.pathname + window.location.search
  let shown = view()
  window.addEventListener(MOVED, () => {
    shown = view()
  })
  // Before all others that listen.
  window.addEventListener(
    'popstate',
    (event) => {
      if (!asksBeforeLeaving() || view() === shown) {
        shown = view()
        return
      }
      event.stopImmediatePropagation()
      window.history.pushState(null, '', shown)
      leave(() => window.history.back())
    },
    { capture: true },
  )
}

type LinkProps = {
  to: string
  children: ComponentChildren
  /** Whether the link leads to what is shown: 'true' when it leads to what this page belongs to. */
  current?: boolean | 'page' | 'true'
  class?: string
  /** Its name to be heard, where the list that it stands in says what it is about. */
  label?: string
}

/**
 * Goes to a path as somebody who chooses it: whoever would lose what they typed is asked first. What is shown
 * already takes nothing away.
 */
export function choose(path: string): void {
  if (ROOT + path === window.location.pathname + window.location.search) goTo(path)
  else leave(() => goTo(path))
}

/** Whether the reader may see the page at a path. */
export const MayOpenContext = createContext<(path: string) => boolean>(() => true)

/**
 * A link within the console; with a modifier key the browser follows it. Of a page that its reader may not
 * see the words are left, and of one that looks like a button nothing.
 */
export function Link({ to, children, current = false, class: look, label }: LinkProps) {
  const mayOpen = useContext(MayOpenContext)
  const follow = (event: MouseEvent): void => {
    if (event.defaultPrevented || event.button !== 0) return
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    event.preventDefault()
    choose(to)
  }
  if (!mayOpen(to.replace(/[?#].*$/, ''))) return look === undefined ? <span>{children}</span> : null
  return (
    <a
      class={look}
      href={ROOT + to}
      onClick={follow}
      aria-label={label}
      aria-current={current === true ? 'page' : current || undefined}
    >
      {children}
    </a>
  )
}

/** The parameters of a pattern such as "/members/:id" in a path; undefined when the path does not match. */
export function match(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split('/')
  const given = path.replace(/(.)\/$/, '$1').split('/')
  if (wanted.length !== given.length) return undefined
  const params: Record<string, string> = {}
  for (const [at, part] of wanted.entries()) {
    if (!part.startsWith(':')) {
      if (part !== given[at]) return undefined
      continue
    }
    try {
      params[part.slice(1)] = decodeURIComponent(given[at] ?? '')
    } catch {
      return undefined
    }
  }
  return params
}
