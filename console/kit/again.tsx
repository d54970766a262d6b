/** Asks once more. */
import { useLayoutEffect, useRef } from 'preact/hooks'
import { focusPage } from './dialogs.tsx'
import { useAnnounce } from './live.tsx'
import { text } from './text.ts'

export function Again({ look, again }: { look?: 'quiet'; again(): void }) {
  const announce = useAnnounce()
  const button = useRef<HTMLButtonElement>(null)
  // The answer takes it away from under whoever pressed it.
  useLayoutEffect(
    () => () => {
      if (button.current !== null && button.current === document.activeElement) focusPage()
    },
    [],
  )
  return (
    <button
      type="button"
      ref={button}
      class={look}
      onClick={() => {
        announce(text('kit.loading'))
        again()
      }}
    >
      {text('kit.again')}
    </button>
  )
}
