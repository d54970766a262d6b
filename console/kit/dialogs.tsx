/**
 * The open dialogs of acts, and what the last act did. Both belong to the frame and not to the row whose button was pressed: a row that
 * changes or goes by itself leaves its open dialog, and what happened stands where the person is when the dialog has closed.
 */
import { type ComponentChildren, createContext } from 'preact'
import { useContext, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import { presentAddress, useAddress } from './address.tsx'
import { text } from './text.ts'

type Opened = { by: object; shown: ComponentChildren }
type Happening = { title: string; words: ComponentChildren; path: string }

type Dialogs = {
  /** Shows a dialog for the button `by`, until it is closed or the person leaves the page. */
  open(by: object, shown: ComponentChildren): void
  /** Shows the open dialog of `by` anew, as its button's page is now. */
  follow(by: object, shown: ComponentChildren): void
  close(by: object): void
  /** Says on the page that the person is on now what an act did. */
  happened(title: string, words: ComponentChildren): void
}

const DialogsContext = createContext<Dialogs | undefined>(undefined)
const HappeningContext = createContext<{ last?: Happening; hide(): void }>({ hide: () => undefined })

export function useDialogs(): Dialogs {
  const found = useContext(DialogsContext)
  if (found === undefined) throw new Error('outside a console')
  return found
}

export function WithDialogs({ children }: { children: ComponentChildren }) {
  const { path } = useAddress()
  const [opened, setOpened] = useState<Opened[]>([])
  const [last, setLast] = useState<Happening>()
  const dialogs = useMemo(
    (): Dialogs => ({
      open: (by, shown) => {
        setLast(undefined)
        setOpened((before) => [...before.filter((one) => one.by !== by), { by, shown }])
      },
      follow: (by, shown) =>
        setOpened((before) =>
          before.some((one) => one.by === by)
            ? before.map((one) => (one.by === by ? { by, shown } : one))
            : before,
        ),
      close: (by) => setOpened((before) => before.filter((one) => one.by !== by)),
      happened: (title, words) => setLast({ title, words, path: presentAddress().path }),
    }),
    [],
  )
  // With the page itself: later it would close a dialog that was opened on the new one at once.
  useLayoutEffect(() => {
    setOpened([])
    setLast((before) => (before?.path === path ? before : undefined))
  }, [path])
  const happening = useMemo(
    () => ({ ...(last?.path === path && { last }), hide: () => setLast(undefined) }),
    [last, path],
  )
  return (
    <DialogsContext.Provider value={dialogs}>
      <HappeningContext.Provider value={happening}>
        {children}
        {opened.map(({ shown }) => shown)}
      </HappeningContext.Provider>
    </DialogsContext.Provider>
  )
}

const HAPPENED = 'happened'

/** What the last act did, until the person goes on. It gets the focus when the button of the act is gone. */
export function Happened() {
  const { last, hide } = useContext(HappeningContext)
  const shown = useRef<HTMLDivElement>(null)
  return (
    <div id={HAPPENED} class={HAPPENED} role="status" tabIndex={-1} ref={shown}>
      {last !== undefined && (
        <div>
          <div class="result">
            <p class="beside">
              <bdi>{last.title}</bdi>
            </p>
            {last.words}
          </div>
          <button
            type="button"
            class="quiet"
            aria-label={text('act.hide')}
            onClick={() => {
              hide()
              focusPage()
            }}
          >
            ×
          </button>
        </div>
      )}
    </div>
  )
}

/** For whoever had the focus on a button that is there no more. */
export function focusHappened(): void {
  document.getElementById(HAPPENED)?.focus({ preventScroll: true })
}

function focusPage(): void {
  document.getElementById('main')?.focus({ preventScroll: true })
}
