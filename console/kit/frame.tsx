/**
 * The frame of every page: the skip link, the navigation, the session, and the page itself or why it is not
 * shown.
 */
import type { ComponentChildren, ComponentType } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { Link, MayOpenContext, useAddress } from './address.tsx'
import { mayCall, type Session } from './api.ts'
import { contentsFor, type Group, placeOf } from './contents.ts'
import { Happened } from './dialogs.tsx'
import { Head } from './facts.tsx'
import type { Search } from './find.ts'
import { FindButton } from './find-dialog.tsx'
import { LanguageChoice } from './language-choice.tsx'
import { LaterView } from './later-view.tsx'
import { useAnnounce } from './live.tsx'
import { LookChoice } from './look-choice.tsx'
import { useName } from './names.ts'
import { Menu, Tabs } from './navigation.tsx'
import { NoPermission } from './placeholders.tsx'
import { roleName } from './roles.tsx'
import { text } from './text.ts'
import { Time } from './time.tsx'
import { leave } from './unsaved.ts'

const MENU = 'menu'

type Props = {
  name: string
  contents: Group[]
  search: Search
  session: Session
  /** Shown to a person without any role, who has just logged in to get one. */
  guest?: ComponentType | undefined
  signOut(): void
  children?: ComponentChildren
}

export function Frame({ name, contents, search, session, guest: Guest, signOut, children }: Props) {
  const address = useAddress()
  const { path } = address
  const announce = useAnnounce()
  const main = useRef<HTMLElement>(null)
  const menuButton = useRef<HTMLButtonElement>(null)
  const arrived = useRef(false)
  const [isMenuOpen, setMenuOpen] = useState(false)
  const place = placeOf(contents, path)
  const groups = contentsFor(session, contents)
  const mayOpen = (to: string): boolean => {
    const there = placeOf(contents, to)
    return there === undefined || mayCall(session, there.page.operation)
  }
  useEffect(() => {
    const title = place === undefined ? text('frame.nothing') : text(place.page.title)
    document.title = `${title} – ${name}`
    // The browser begins a new document at its top; between pages of the console only this focus shows that
    // the page has changed.
    if (arrived.current) {
      window.scrollTo(0, 0)
      main.current?.focus()
      announce(title)
    }
    arrived.current = true
  }, [path])
  useEffect(() => {
    setMenuOpen(false)
  }, [address])
  useEffect(() => {
    if (!isMenuOpen) return
    const fold = (event: KeyboardEvent): void => {
      if (event.key !== 'Escape' || document.querySelector('dialog[open]') !== null) return
      setMenuOpen(false)
      menuButton.current?.focus()
    }
    document.addEventListener('keydown', fold)
    return () => document.removeEventListener('keydown', fold)
  }, [isMenuOpen])
  const tabs = groups
    .flatMap(({ entries }) => entries)
    .find(({ title }) => title === place?.entry.title)?.tabs
  return (
    <>
      <a class="skip" href="#main">
        {text('frame.skip')}
      </a>
      <header class={isMenuOpen ? 'top open' : 'top'}>
        <div class="place">
          <Link to="/" class="product">
            {name}
          </Link>
          <Where {...session} />
        </div>
        {groups.length > 0 && <FindButton {...{ groups, search }} />}
        <button
          type="button"
          class="menu-button"
          ref={menuButton}
          aria-expanded={isMenuOpen}
          aria-controls={MENU}
          onClick={() => setMenuOpen(!isMenuOpen)}
        >
          {text('frame.menu')}
        </button>
        <Who key={path} session={session} signOut={signOut} />
      </header>
      <Menu {...{ id: MENU, groups, place, path, isOpen: isMenuOpen }} />
      <main id="main" ref={main} tabIndex={-1}>
        {place !== undefined && tabs !== undefined && (
          <Tabs {...{ title: text(place.entry.title), tabs, place, path }} />
        )}
        <Happened />
        {Guest !== undefined && session.kind === 'person' && session.roles.length === 0 ? (
          <Guest />
        ) : place === undefined ? (
          <>
            <Head title={text('frame.nothing')} />
            <p>{text('frame.nothingWhy')}</p>
          </>
        ) : mayCall(session, place.page.operation) ? (
          <MayOpenContext.Provider value={mayOpen}>
            <LaterView key={path} page={place.page} params={place.params} />
          </MayOpenContext.Provider>
        ) : (
          <>
            <Head title={text(place.page.title)} />
            <NoPermission />
          </>
        )}
      </main>
      {children}
    </>
  )
}

/**
 * Which instance and which server this is: people who keep several consoles open must not confuse them. A
 * server has no name: its owner's is said.
 */
function Where({ instance, securityServer }: Session) {
  const owner = useName((securityServer ?? '').split(':').slice(0, 3).join(':'))
  if (instance === undefined) return null
  return (
    <p class="where">
      <span class="heard">{text(securityServer === undefined ? 'frame.instance' : 'frame.server')} </span>
      {owner !== undefined && <bdi>{owner.name}</bdi>}
      <bdi class={owner === undefined ? undefined : 'only-wide'}>
        {owner !== undefined && ' · '}
        {securityServer ?? instance}
      </bdi>
    </p>
  )
}

function Who({ session, signOut }: { session: Session; signOut(): void }) {
  return (
    <div class="who">
      <span>
        <bdi>{session.name}</bdi>
        <span class="beside"> {text(session.kind === 'key' ? 'frame.byKey' : 'frame.person')}</span>
      </span>
      <details>
        <summary>{text('frame.roles', { count: session.roles.length })}</summary>
        <ul>
          {session.roles.map((role) => (
            <li key={role}>{roleName(role)}</li>
          ))}
          {session.kind === 'person' && session.roles.length > 0 && (
            <li>
              <Link to="/passkeys">{text('passkeys.title')}</Link>
            </li>
          )}
          {session.endsAt !== undefined && (
            <li>
              {text('frame.endsAt')} <Time at={session.endsAt} relative />
            </li>
          )}
          <li>
            <LanguageChoice />
            <LookChoice />
          </li>
        </ul>
      </details>
      <button type="button" onClick={() => leave(signOut)}>
        {text('frame.signOut')}
      </button>
    </div>
  )
}
