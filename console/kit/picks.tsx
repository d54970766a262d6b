/** A field in which several things are picked, one after the other: each that was taken stands below, and can be left out again. */
import { useState } from 'preact/hooks'
import { useAnnounce } from './live.tsx'
import { PickInput } from './pick.tsx'
import { text } from './text.ts'

type Props = {
  id: string
  /** One a line. */
  value: string
  maxLength: number | undefined
  find(typed: string): Promise<{ value: string; title: string }[]>
  set(value: string): void
  'aria-invalid'?: boolean | undefined
  'aria-describedby'?: string | undefined
}

export function PicksInput({ value, set, find, ...more }: Props) {
  const [typed, setTyped] = useState('')
  const announce = useAnnounce()
  const taken = linesOf(value)
  const take = (said: string): void => {
    setTyped('')
    const one = said.trim()
    if (one === '' || taken.includes(one)) return
    set([...taken, one].join('\n'))
    announce(text('form.taken', { what: one }))
  }
  return (
    <>
      <PickInput
        {...more}
        value={typed}
        find={async (said) => (await find(said)).filter((one) => !taken.includes(one.value))}
        set={setTyped}
        picked={take}
        left={take}
        onKeyDown={(event) => {
          if (event.key !== 'Enter') return
          // It takes what was typed; what is found is taken with its last letter already. Neither sends the form.
          event.preventDefault()
          take(typed)
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
                onClick={() => set(taken.filter((other) => other !== one).join('\n'))}
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

export function linesOf(value: string): string[] {
  return value
    .split('\n')
    .map((one) => one.trim())
    .filter((one) => one !== '')
}
