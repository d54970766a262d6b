/**
 * The open dialogs of acts, and what the last act did. Both belong to the frame and not to the row whose
 * button was pressed: a row that changes or goes by itself leaves its open dialog, and what happened stands
 * where the person is when the dialog has closed.
 */
import { type ComponentChildren, createContext } from 'preact'
import { useContext, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import { presentAddress, useAddress } from './address.tsx'
import { text } from './text.ts'

type Opened = { by: object; shown: ComponentChildren }
/** `isBehind`: it was told while a dialog lay over it, so that nobody has read it yet. */
type Happening = { number: number; title: string; words: ComponentChildren; path: string; isBehind: boolean }

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
const HappeningContext = createContext<{ all: Happening[]; hide(one: Happening): void }>({
  all: [],
  hide: () => undefined,
})

export function useDialogs(): Dialogs {
  const found = useContext(DialogsContext)
  if (found === undefined) throw new Error('outside a console')
  return found
}

export function WithDialogs({ children }: { children: ComponentChildren }) {
  const { path } = useAddress()
  const [opened, setOpened] = useState<Opened[]>([])
  const [happenings, setHappenings] = useState<Happening[]>([])
  const told = useRef(0)
  const dialogs = useMemo(
    (): Dialogs => ({
      open: (by, shown) => {
        setHappenings([])
        setOpened((before) => [...before.filter((one) => one.by !== by), { by, shown }])
      },
      follow: (by, shown) =>
        setOpened((before) =>
          before.some((one) => one.by === by)
            ? before.map((one) => (one.by === by ? { by, shown } : one))
            : before,
        ),
      close: (by) => setOpened((before) => before.filter((one) => one.by !== by)),
      happened: (title, words) => {
        const isBehind = document.querySelector('dialog[open]') !== null
        told.current += 1
        const one = { number: told.current, title, words, path: presentAddress().path, isBehind }
        setHappenings((before) => [...before, one])
      },
    }),
    [],
  )
  // With the page itself: later it would close a dialog that was opened on the new one at once.
  useLayoutEffect(() => {
    setOpened([])
    setHappenings((before) =>
      before.flatMap((one) => {
        if (one.path === path) return one
        return one.isBehind ? { ...one, path, isBehind: false } : []
      }),
    )
  }, [path])
  const happening = useMemo(
    () => ({
      all: happenings.filter((one) => one.path === path),
      hide: (read: Happening) => setHappenings((before) => before.filter((one) => one !== read)),
    }),
    [happenings, path],
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

/**
 * What the last act did, until the person goes on; before it stands what was told meanwhile behind a dialog.
 * It gets the focus when the button of the act is gone.
 */
export function Happened() {
  const { all, hide } = useContext(HappeningContext)
  const shown = useRef<HTMLDivElement>(null)
  return (
    <div id={HAPPENED} class={HAPPENED} role="status" tabIndex={-1} ref={shown}>
      {all.map((one) => (
        <div key={one.number}>
          <div class="result">
            <p class="beside">
              <bdi>{one.title}</bdi>
            </p>
            {one.words}
          </div>
          <button
            type="button"
            class="quiet"
            aria-label={text('act.hide')}
            onClick={() => {
              hide(one)
              focusPage()
            }}
          >
            ×
          </button>
        </div>
      ))}
    </div>
  )
}

/** For whoever had the focus on a button that is there no more. */
export function focusHappened(): void {
  document.getElementById(HAPPENED)?.focus({ preventScroll: true })
}

/** For whoever had the focus on what is there no more, and did no act. */
export function focusPage(): void {
  document.getElementById('main')?.focus({ preventScroll: true })
}
