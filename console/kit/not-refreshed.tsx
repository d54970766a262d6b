/** The line above what stays visible although its server does not answer now: since when it stands, and that it is asked for again. */
import { useEffect, useRef } from 'preact/hooks'
import type { Loaded } from './load.ts'
import { text } from './text.ts'
import { Time } from './time.tsx'

const AGAIN_SECONDS = 15
/** Half an hour: a session ends when nobody is there, also that of a page that looks by itself. */
const MOST_TRIES = 120

export function NotRefreshed({ of }: { of: Loaded<unknown> }) {
  const outdated = of.state === 'there' ? of.outdated : undefined
  const tries = useRef(0)
  if (outdated === undefined) tries.current = 0
  useEffect(() => {
    if (outdated === undefined || tries.current >= MOST_TRIES) return
    const timer = setInterval(() => {
      // What comes may take an act away, so nobody is interrupted who reads what it would do.
      if (document.hidden || document.querySelector('dialog[open]') !== null) return
      // Once: the next look waits for the answer to this one.
      clearInterval(timer)
      tries.current += 1
      outdated.again()
    }, AGAIN_SECONDS * 1000)
    return () => clearInterval(timer)
  }, [outdated])
  if (outdated === undefined) return null
  return (
    <div class="note outdated">
      <p role="status">
        {text('kit.notRefreshed')} <Time at={outdated.since} exact />.{' '}
        {tries.current >= MOST_TRIES ? null : text('kit.askedAgain', { count: AGAIN_SECONDS })}
      </p>
      <button
        type="button"
        class="quiet"
        onClick={() => {
          tries.current = 0
          outdated.again()
        }}
      >
        {text('kit.again')}
      </button>
    </div>
  )
}
