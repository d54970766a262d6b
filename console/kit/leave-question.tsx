/**
 * The question to somebody who would lose what they typed: in the dialog that would close, or in one of its
 * own over the whole page.
 */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { text } from './text.ts'
import { giveUp, setQuestion } from './unsaved.ts'

type Leaving = { go(): void; number: number }

export function LeaveQuestion() {
  const [leaving, setLeaving] = useState<Leaving>()
  const asked = useRef(0)
  useEffect(() => {
    setQuestion((go) => setLeaving({ go, number: ++asked.current }))
    return () => setQuestion(undefined)
  }, [])
  if (leaving === undefined) return null
  // A new number is a new dialog: one that was closed a moment ago may still have to say so, and must not
  // close the next.
  const closed = (): void => setLeaving((shown) => (shown === leaving ? undefined : shown))
  return <AskingDialog key={leaving.number} {...{ leaving, closed }} />
}

function AskingDialog({ leaving, closed }: { leaving: Leaving; closed(): void }) {
  const dialog = useRef<HTMLDialogElement>(null)
  useLayoutEffect(() => dialog.current?.showModal(), [])
  const lose = (): void => {
    dialog.current?.close()
    giveUp()
    leaving.go()
  }
  return (
    <dialog ref={dialog} class="leaving" aria-label={text('form.loses')} onClose={closed}>
      <AsksToLose lose={lose} stay={() => dialog.current?.close()} isNamed />
    </dialog>
  )
}

type AskProps = {
  lose(): void
  stay(): void
  /** It is the name of the dialog, so that it is spoken when that opens. */
  isNamed?: boolean
}

export function AsksToLose({ lose, stay, isNamed = false }: AskProps) {
  const first = useRef<HTMLButtonElement>(null)
  useLayoutEffect(() => first.current?.focus(), [])
  return (
    <div class="note asks" role={isNamed ? undefined : 'alert'}>
      <p>{text('form.loses')}</p>
      <div class="acts">
        <button type="button" ref={first} onClick={stay}>
          {text('form.goOn')}
        </button>
        <button type="button" class="danger quiet" onClick={lose}>
          {text('form.loseIt')}
        </button>
      </div>
    </div>
  )
}
