/** The way through a console: the menu with its groups, and the tabs of the entry that is open. */
import { useLayoutEffect, useRef } from 'preact/hooks'
import { Link } from './address.tsx'
import type { Group, Place, Tab } from './contents.ts'
import { type TextKey, text } from './text.ts'

type MenuProps = {
  id: string
  groups: Group[]
  place: Place | undefined
  path: string
  /** On a narrow screen the menu is shown only while it is open. */
  isOpen: boolean
}

export function Menu({ id, groups, place, path, isOpen }: MenuProps) {
  return (
    <nav id={id} class={isOpen ? 'main-nav open' : 'main-nav'} aria-label={text('frame.navigation')}>
      <div>
        {groups.map(({ title, entries }, at) => (
          <section key={title ?? at} aria-labelledby={title === undefined ? undefined : `${id}-${at}`}>
            {title !== undefined && <h2 id={`${id}-${at}`}>{text(title)}</h2>}
            <ul>
              {entries.map((entry) => {
                const to = entry.tabs[0]!.path
                const isHere = place?.entry.title === entry.title
                return (
                  <li key={entry.title}>
                    <Link to={to} current={isHere && (path === to ? 'page' : 'true')}>
                      {text(entry.title)}
                    </Link>
                  </li>
                )
              })}
            </ul>
          </section>
        ))}
      </div>
    </nav>
  )
}

/** The tabs are links, so each has an address; an entry with one tab shows none. */
export function Tabs({
  title,
  tabs,
  place,
  path,
}: {
  title: string
  tabs: Tab[]
  place: Place
  path: string
}) {
  const row = useRef<HTMLElement>(null)
  // On a narrow screen the row scrolls: it begins where the reader is.
  useLayoutEffect(() => {
    const here = row.current?.querySelector<HTMLElement>('[aria-current]')
    if (row.current && here) row.current.scrollLeft = here.offsetLeft - row.current.clientWidth / 3
  }, [path])
  if (tabs.length < 2) return null
  const sides = tabs.filter((tab) => isBeside(tab, place.tab))
  const shown = tabs.filter((tab, at) => at === 0 || !isBeside(tab, tabs[at - 1]!))
  return (
    <>
      <nav
        class="tabs"
        aria-label={title}
        ref={row}
        // A browser leaves a link where it is of which a part is shown.
        onFocusIn={({ target }) =>
          (target as Element).scrollIntoView({ block: 'nearest', inline: 'nearest' })
        }
      >
        <ul>
          {shown.map((tab) => (
            <li key={tab.path}>
              <Link to={tab.path} current={isBeside(tab, place.tab) && currentOf(tab, path)}>
                {text(wordsOf(tab, tabs))}
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      {place.tab.together !== undefined && sides.length > 1 && (
        <nav class="sides switch acts" aria-label={text(place.tab.together)}>
          {sides.map((tab) => (
            <Link
              key={tab.path}
              to={tab.path}
              class="button"
              current={tab.path === place.tab.path && currentOf(tab, path)}
            >
              {text(tab.short ?? tab.title)}
            </Link>
          ))}
        </nav>
      )}
    </>
  )
}

/** The same tab, or one that stands under the same words. */
function isBeside(one: Tab, other: Tab): boolean {
  return one.path === other.path || (one.together !== undefined && one.together === other.together)
}

/** Words for several are not those of one that its reader sees alone. */
function wordsOf(tab: Tab, tabs: Tab[]): TextKey {
  const isAlone = tabs.filter((other) => isBeside(tab, other)).length === 1
  return (isAlone ? undefined : tab.together) ?? tab.short ?? tab.title
}

function currentOf(tab: Tab, path: string): 'page' | 'true' {
  return path === tab.path ? 'page' : 'true'
}
