/** The frame of every page: the skip link, the navigation, the session, and the page itself or why it is not shown. */
import type { ComponentChildren, ComponentType } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { Link, match, useAddress } from './address.tsx'
import { mayCall, type Session } from './api.ts'
import { Head } from './facts.tsx'
import { useAnnounce } from './live.tsx'
import { LookChoice } from './look-choice.tsx'
import { NoPermission } from './placeholders.tsx'
import { type TextKey, text } from './text.ts'
import { Time } from './time.tsx'

export type Page = {
  /** A path such as '/members' or '/members/:id'. */
  path: string
  title: TextKey
  /** Whether the navigation lists it; the page of one thing belongs to its list. */
  listed: boolean
  /** Callers of this operation see the page. */
  operation: string
  View: ComponentType<{ params: Record<string, string> }>
}

type Props = {
  name: string
  pages: Page[]
  session: Session
  /** Shown to a person without any role, who has just logged in to get one. */
  guest?: ComponentType | undefined
  signOut(): void
  children?: ComponentChildren
}

export function Frame({ name, pages, session, guest: Guest, signOut, children }: Props) {
  const { path } = useAddress()
  const announce = useAnnounce()
  const main = useRef<HTMLElement>(null)
  const arrived = useRef(false)
  const found = pages
    .map((page) => ({ page, params: match(page.path, path) }))
    .find(({ params }) => params !== undefined)
  useEffect(() => {
    const title = found === undefined ? text('frame.nothing') : text(found.page.title)
    document.title = `${title} – ${name}`
    // The browser begins a new document at its top; between pages of the console only this focus shows that the page has changed.
    if (arrived.current) {
      window.scrollTo(0, 0)
      main.current?.focus()
      announce(title)
    }
    arrived.current = true
  }, [path])
  const isIn = (page: Page): boolean =>
    page.path === '/' ? path === '/' : path === page.path || path.startsWith(`${page.path}/`)
  return (
    <>
      <a class="skip" href="#main">
        {text('frame.skip')}
      </a>
      <header class="top">
        <Link to="/" class="product">
          {name}
        </Link>
        <div class="who">
          <span>
            <bdi>{session.name}</bdi>
            <span class="beside"> {text(session.kind === 'key' ? 'frame.byKey' : 'frame.person')}</span>
          </span>
          <details>
            <summary>{text('frame.roles', { count: session.roles.length })}</summary>
            <ul>
              {session.roles.map((role) => (
                <li key={role}>{text(`role.${role}` as TextKey)}</li>
              ))}
              {session.endsAt !== undefined && (
                <li>
                  {text('frame.endsAt')} <Time at={session.endsAt} relative />
                </li>
              )}
              <li>
                <LookChoice />
              </li>
            </ul>
          </details>
          <button type="button" onClick={signOut}>
            {text('frame.signOut')}
          </button>
        </div>
      </header>
      <nav class="main-nav" aria-label={text('frame.navigation')}>
        <ul>
          {pages
            .filter((page) => page.listed && mayCall(session, page.operation))
            .map((page) => (
              <li key={page.path}>
                <Link to={page.path} current={isIn(page)}>
                  {text(page.title)}
                </Link>
              </li>
            ))}
        </ul>
      </nav>
      <main id="main" ref={main} tabIndex={-1}>
        {Guest !== undefined && session.kind === 'person' && session.roles.length === 0 ? (
          <Guest />
        ) : found === undefined ? (
          <>
            <Head title={text('frame.nothing')} />
            <p>{text('frame.nothingWhy')}</p>
          </>
        ) : mayCall(session, found.page.operation) ? (
          <found.page.View key={path} params={found.params!} />
        ) : (
          <>
            <Head title={text(found.page.title)} />
            <NoPermission />
          </>
        )}
      </main>
      {children}
    </>
  )
}
