/**
 * What is well in one line: the parts of a page that have nothing to show say so there, each in a sentence,
 * in place of a card of its own.
 */
import { type ComponentChildren, createContext } from 'preact'
import { useContext, useEffect, useState } from 'preact/hooks'
import { Icon } from './icon.tsx'
import { Time } from './time.tsx'

/** In this order they are said. */
const NAMES = ['waiting', 'failures', 'jobs', 'certificates', 'endings'] as const
type Name = (typeof NAMES)[number]
/** `at`: when the last sentence of it was so. */
type Said = { words: string; at?: string }

const SayContext = createContext<(name: Name, said: Said | undefined) => void>(() => undefined)
const SaidContext = createContext<Said[]>([])

/** Content whose calm parts are told in one `CalmLine` in it. */
export function WithCalm({ children }: { children: ComponentChildren }) {
  const [all, setAll] = useState<Partial<Record<Name, Said>>>({})
  const [say] = useState(
    () =>
      (name: Name, said: Said | undefined): void =>
        setAll(({ [name]: _, ...others }) => (said === undefined ? others : { ...others, [name]: said })),
  )
  const said = NAMES.flatMap((name) => all[name] ?? [])
  return (
    <SayContext.Provider value={say}>
      <SaidContext.Provider value={said}>{children}</SaidContext.Provider>
    </SayContext.Provider>
  )
}

export function CalmLine() {
  const said = useContext(SaidContext)
  if (said.length === 0) return null
  return (
    <p class="calm">
      <Icon name="good" />{' '}
      {said.map(({ words, at }) => (
        <span key={words}>
          {words} {at !== undefined && <Time at={at} />}{' '}
        </span>
      ))}
    </p>
  )
}

/** A part that has nothing to show, and says this in the line. */
export function Calm({ name, words, at }: { name: Name } & Said) {
  const say = useContext(SayContext)
  useEffect(() => {
    say(name, { words, ...(at === undefined ? {} : { at }) })
    return () => say(name, undefined)
  }, [words, at])
  return null
}
