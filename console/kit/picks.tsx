/**
 * A field in which several things are picked, one after the other: each that was taken stands below, and can
 * be left out again.
 */
import { useAnnounce } from './live.tsx'
import { PickInput } from './pick.tsx'
import { text } from './text.ts'

type Props = {
  id: string
  /** One a line; what is being typed is the last line, so that it is sent too. */
  value: string
  maxLength: number | undefined
  find(typed: string): Promise<{ value: string; title: string }[]>
  set(value: string): void
  'aria-invalid'?: boolean | undefined
  'aria-describedby'?: string | undefined
}

export function PicksInput({ value, set, find, ...more }: Props) {
  const announce = useAnnounce()
  const taken = takenOf(value)
  const typed = value.slice(value.lastIndexOf('\n') + 1)
  const put = (all: string[], rest: string): void => set([...all, rest].join('\n'))
  const take = (said: string, rest: string): void => {
    const more = idsOf(said).filter((one) => !taken.includes(one))
    put([...taken, ...more], rest)
    if (more.length > 0) announce(text('form.taken', { what: more.join(', ') }))
  }
  return (
    <>
      <PickInput
        {...more}
        value={typed}
        find={async (said) => (await find(said)).filter((one) => !taken.includes(one.value))}
        set={(said) => put(taken, said)}
        picked={(one) => take(one, '')}
        onKeyDown={(event) => {
          if (event.key !== 'Enter') return
          // It takes what was typed; what is found is taken with its last letter already. Neither sends the
          // form.
          event.preventDefault()
          take(typed, '')
        }}
        onPaste={(event) => {
          const pasted = event.clipboardData?.getData('text') ?? ''
          if (idsOf(pasted).length < 2) return
          // The field would make one line of several.
          event.preventDefault()
          take(pasted, typed)
        }}
      />
      {taken.length > 0 && (
        <ul class="plain-list picks">
          {taken.map((one) => (
            <li key={one}>
              <bdi class="id">{one}</bdi>{' '}
              <button
                type="button"
                class="quiet"
                aria-label={text('common.removeThis', { what: one })}
                onClick={() => {
                  put(
                    taken.filter((other) => other !== one),
                    typed,
                  )
                  announce(text('form.removed', { what: one }))
                  // The button goes with what it removes.
                  document.getElementById(more.id)?.focus()
                }}
              >
                {text('common.remove')}
              </button>
            </li>
          ))}
        </ul>
      )}
    </>
  )
}

/** What was taken, without what is still being typed. */
export function takenOf(value: string): string[] {
  return idsOf(value.slice(0, value.lastIndexOf('\n') + 1))
}

/** All that is given, each once. An identifier has no white space. */
export function idsOf(value: string): string[] {
  return [...new Set(value.split(/\s+/).filter((one) => one !== ''))]
}
