/** Starts a console: loads its texts, then the session, then shows the frame, or the sign-in page when there is no session. */
import { type ComponentType, render } from 'preact'
import { useEffect, useMemo, useState } from 'preact/hooks'
import './tokens.css'
import './kit.css'
import './table.css'
import './print.css'
import { ApiFault, createApi, type Session } from './api.ts'
import { letIdentifiersBreak } from './breakable.ts'
import type { Group } from './contents.ts'
import { type Console, ConsoleContext } from './context.ts'
import type { Search } from './find.ts'
import { Frame } from './frame.tsx'
import { AnnounceContext, LiveRegion } from './live.tsx'
import { Loading, Refused } from './placeholders.tsx'
import { SignIn, type WhyOut } from './session.tsx'
import { loadTexts, type TextKey, text } from './text.ts'

type Entry = { session?: Session; fault?: ApiFault; why?: WhyOut }

type Pages = { contents: Group[]; search: Search; guest?: ComponentType | undefined }

function App({ name, contents, search, guest }: Pages & { name: string }) {
  const api = useMemo(createApi, [])
  const [entry, setEntry] = useState<Entry>()
  const [words, announce] = useState('')
  const [changes, setChanges] = useState(0)
  const enter = (session: Session): void => setEntry({ session })
  useEffect(() => {
    api.open().then(enter, (cause: unknown) => {
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
        signedOut: () => setEntry({ why: { ended: true } }),
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
        <ConsoleContext.Provider value={console}>
          <Frame {...{ name, contents, search, guest, session, signOut }} />
        </ConsoleContext.Provider>
      )}
      <LiveRegion words={words} />
    </AnnounceContext.Provider>
  )
}

export async function startConsole(q: Pages & { name: TextKey }): Promise<void> {
  letIdentifiersBreak()
  await loadTexts(navigator.languages)
  render(<App {...q} name={text(q.name)} />, document.getElementById('console')!)
}
