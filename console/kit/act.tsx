/**
 * An act as a button, and the dialog behind it. The dialog shows the consequence before; the page says the
 * result after. An act that cannot be undone asks for the name of the thing. Callers who may not act do not
 * see the button.
 */
import { useLayoutEffect, useRef } from 'preact/hooks'
import { ActDialog, type ActProps } from './act-dialog.tsx'
import { useMay } from './context.ts'
import { focusHappened, useDialogs } from './dialogs.tsx'

export function Act<T>(q: ActProps<T>) {
  const dialogs = useDialogs()
  const button = useRef<HTMLButtonElement>(null)
  const mayAct = useMay(q.operation)
  const dialog = <ActDialog<T> key={useKey()} {...q} close={() => dialogs.close(button)} />
  useLayoutEffect(() => dialogs.follow(button, dialog))
  useLayoutEffect(
    () => () => {
      if (button.current !== null && button.current === document.activeElement) focusHappened()
    },
    [],
  )
  if (!mayAct) return null
  return (
    <button
      type="button"
      ref={button}
      class={q.look ?? (q.nameToType !== undefined ? 'danger quiet' : undefined)}
      aria-label={q.label}
      onClick={() => dialogs.open(button, dialog)}
    >
      {q.button}
    </button>
  )
}

let keys = 0

/** Tells the dialogs of two buttons from each other, also when one of them is gone. */
function useKey(): number {
  const key = useRef(0)
  if (key.current === 0) key.current = ++keys
  return key.current
}
