/**
 * Starts a console: loads its texts, then the session, then shows the frame, or the sign-in page when there
 * is no session.
 */
import { type ComponentType, Fragment, render } from 'preact'
import { useEffect, useMemo, useState } from 'preact/hooks'
import './tokens.css'
import './kit.css'
import './table.css'
import './print.css'
import { askBeforeSteps, presentAddress } from './address.tsx'
import { type Api, ApiFault, createApi, type Session } from './api.ts'
import { letIdentifiersBreak } from './breakable.ts'
import { type Group, placeOf } from './contents.ts'
import { type Console, ConsoleContext } from './context.ts'
import { WithDialogs } from './dialogs.tsx'
import type { Search } from './find.ts'
import { Frame } from './frame.tsx'
import { loadPage } from './later-view.tsx'
import { LeaveQuestion } from './leave-question.tsx'
import { AnnounceContext, useLiveRegion } from './live.tsx'
import { confirmWithPasskey } from './passkeys.ts'
import { Loading, Refused } from './placeholders.tsx'
import { SignIn, type WhyOut } from './session.tsx'
import { SessionEnded } from './session-ended.tsx'
import { loadTexts, type TextKey, text } from './text.ts'
import { asksBeforeLeaving, giveUp } from './unsaved.ts'

/** `isOver`: its session has ended, and its page has something that was typed. */
type Entry = { session?: Session; isOver?: boolean; fault?: ApiFault; why?: WhyOut }

type Pages = { contents: Group[]; search: Search; guest?: ComponentType | undefined }

type Begun = { name: string; api: Api; opening: Promise<Session> }

function App({ name, api, opening, contents, search, guest }: Pages & Begun) {
  const [entry, setEntry] = useState<Entry>()
  const { region, announce } = useLiveRegion()
  const [changes, setChanges] = useState(0)
  const enter = (session: Session): void => setEntry({ session })
  const ended = (): void =>
    setEntry((before) =>
      before?.session !== undefined && asksBeforeLeaving()
        ? { session: before.session, isOver: true }
        : { why: { ended: true } },
    )
  const enterAgain = (session: Session): void => {
    // Another person gets a page of their own.
    if (entry?.session === undefined || accountOf(session) !== accountOf(entry.session)) giveUp()
    else setChanges((before) => before + 1)
    setEntry({ session })
  }
  useEffect(() => {
    opening.then(enter, (cause: unknown) => {
      if (!(cause instanceof ApiFault)) throw cause
      setEntry(cause.status === 401 ? {} : { fault: cause })
    })
  }, [])
  const session = entry?.session
  const signOut = (): void => {
    const endsAt = session?.endsAt
    api.close().then(
      () => setEntry({}),
      (cause: unknown) => {
        if (!(cause instanceof ApiFault)) throw cause
        // The sign-out did not reach the server: the session goes on there, and the page says so.
        setEntry(
          cause.status === 401 ? {} : { why: { unheard: true, ...(endsAt === undefined ? {} : { endsAt }) } },
        )
      },
    )
  }
  const console = useMemo(
    (): Console | undefined =>
      session && {
        api,
        session,
        changes,
        changed: () => setChanges((before) => before + 1),
        // A form learns first that what it sent was refused, and has something typed again then.
        signedOut: () => void setTimeout(ended),
      },
    [session, changes],
  )
  return (
    <AnnounceContext.Provider value={announce}>
      {entry === undefined ? (
        <Loading />
      ) : entry.fault !== undefined ? (
        <main id="main">
          <h1>{name}</h1>
          <Refused fault={entry.fault} again={() => window.location.reload()} />
        </main>
      ) : session === undefined ? (
        <SignIn api={api} name={name} why={entry.why} enter={enter} />
      ) : (
        <Fragment key={accountOf(session)}>
          <ConsoleContext.Provider value={console}>
            <WithDialogs>
              <Frame {...{ name, contents, search, guest, session, signOut }} />
            </WithDialogs>
            <LeaveQuestion />
          </ConsoleContext.Provider>
          {entry.isOver === true && (
            <SessionEnded
              {...{ api, session }}
              enter={enterAgain}
              lose={() => {
                giveUp()
                setEntry({ why: { ended: true } })
              }}
            />
          )}
        </Fragment>
      )}
      {region}
    </AnnounceContext.Provider>
  )
}

function accountOf({ kind, id }: Session): string {
  return `${kind} ${id}`
}

export async function startConsole(q: Pages & { name: TextKey }): Promise<void> {
  letIdentifiersBreak()
  askBeforeSteps()
  const api = createApi(confirmWithPasskey)
  const opening = api.open()
  // Nobody listens before the texts are there.
  opening.catch(() => undefined)
  // What the first page needs comes at once, not one after the other. What fails here is asked for again by
  // the page.
  const textsLoaded = loadTexts(navigator.languages)
  const place = placeOf(q.contents, presentAddress().path)
  if (place !== undefined) loadPage(place.page).catch(() => undefined)
  await textsLoaded
  render(<App {...{ ...q, api, opening }} name={text(q.name)} />, document.getElementById('console')!)
}
