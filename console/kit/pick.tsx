/**
 * A field in which something that exists is picked: the typed text searches, and the browser's own list shows
 * what was found.
 */
import { useEffect, useRef, useState } from 'preact/hooks'

const PAUSE_MS = 300

type Props = {
  id: string
  value: string
  maxLength: number | undefined
  find(typed: string): Promise<{ value: string; title: string }[]>
  set(value: string): void
  /** Takes what was picked of the list. */
  picked?(value: string): void
  /** Takes what was typed when the field is left, and with Enter. */
  left?(value: string): void
  placeholder?: string
  onKeyDown?(event: KeyboardEvent): void
  onPaste?(event: ClipboardEvent): void
  'aria-invalid'?: boolean | undefined
  'aria-describedby'?: string | undefined
}

export function PickInput({ id, value, find, set, picked, left, ...more }: Props) {
  const [found, setFound] = useState<{ value: string; title: string }[]>([])
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  const turn = useRef(0)
  useEffect(() => () => clearTimeout(timer.current), [])
  const look = (typed: string): void => {
    clearTimeout(timer.current)
    timer.current = setTimeout(() => {
      turn.current += 1
      const own = turn.current
      // Only suggestions: without them the field still takes what is typed.
      find(typed).then(
        (all) => own === turn.current && setFound(all),
        () => undefined,
      )
    }, PAUSE_MS)
  }
  const list = `${id}-list`
  return (
    <>
      <input
        {...more}
        id={id}
        type="text"
        list={list}
        autocomplete="off"
        spellcheck={false}
        value={value}
        onFocus={() => look(value)}
        onInput={(event) => {
          const typed = event.currentTarget.value
          set(typed)
          // A choice is found already.
          if (found.some((one) => one.value === typed)) picked?.(typed)
          else look(typed)
        }}
        onChange={(event) => left?.(event.currentTarget.value)}
      />
      <datalist id={list}>
        {found.map((one) => (
          <option key={one.value} value={one.value}>
            {one.title}
          </option>
        ))}
      </datalist>
    </>
  )
}
