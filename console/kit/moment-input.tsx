/**
 * A field for a day or a time that shows the month as a word, so that nobody takes 3 April for 4 March. It is
 * typed, or picked from the browser's own calendar. The value has the form of a native input; what is typed
 * and no moment is handed on as it is.
 */
import { useEffect, useRef, useState } from 'preact/hooks'
import { Icon } from './icon.tsx'
import { isMoment, type MomentKind, read, written } from './moment.ts'
import { text } from './text.ts'

type Props = {
  id: string
  kind: MomentKind
  value: string
  /** Called while something is typed, with what it says so far. */
  set?(value: string): void
  /** Called when the field is left, Enter is pressed or a day is picked. */
  done?(value: string): void
}

export function MomentInput({ id, kind, value, set, done, ...more }: Props) {
  const [typed, setTyped] = useState(() => written(value, kind))
  const native = useRef<HTMLInputElement>(null)
  // The value may also change from outside, as when a filter is taken away.
  useEffect(() => {
    if (saidBy(typed, kind) !== value) setTyped(written(value, kind))
  }, [value])
  const left = (): void => {
    const said = saidBy(typed, kind)
    setTyped(written(said, kind))
    done?.(said)
  }
  return (
    <span class="moment">
      <input
        {...more}
        id={id}
        type="text"
        autocomplete="off"
        spellcheck={false}
        maxLength={40}
        placeholder={written(kind === 'date' ? '2026-11-29' : '2026-11-29T16:30', kind)}
        value={typed}
        onInput={(event) => {
          setTyped(event.currentTarget.value)
          set?.(saidBy(event.currentTarget.value, kind))
        }}
        onBlur={left}
        onKeyDown={(event) => event.key === 'Enter' && left()}
      />
      <button type="button" aria-label={text('moment.pick')} onClick={() => native.current?.showPicker()}>
        <Icon name="calendar" />
      </button>
      <input
        ref={native}
        class="native"
        type={kind === 'date' ? 'date' : 'datetime-local'}
        tabIndex={-1}
        aria-hidden="true"
        value={isMoment(value, kind) ? value : ''}
        onInput={(event) => {
          const { value: picked } = event.currentTarget
          setTyped(written(picked, kind))
          set?.(picked)
          done?.(picked)
        }}
      />
    </span>
  )
}

function saidBy(typed: string, kind: MomentKind): string {
  return typed.trim() === '' ? '' : (read(typed, kind) ?? typed)
}
