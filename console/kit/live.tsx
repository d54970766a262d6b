/** The live region: announces changes of the page to people who do not see them. */
import { type ComponentChildren, createContext } from 'preact'
import { useCallback, useContext, useEffect, useRef, useState } from 'preact/hooks'

export const AnnounceContext = createContext<(words: string) => void>(() => undefined)

export function useAnnounce(): (words: string) => void {
  return useContext(AnnounceContext)
}

/**
 * Announces what was found for `question`, undefined while it is not known. A refresh that finds the same
 * says nothing.
 */
export function useAnnounceFound(question: string, found: string | undefined): void {
  const announce = useAnnounce()
  const last = useRef<string>(undefined)
  useEffect(() => {
    const whole = `${question} ${found}`
    if (found === undefined || whole === last.current) return
    last.current = whole
    announce(found)
  }, [question, found])
}

/**
 * A region, and what announces in it. While a dialog is open nothing is heard of what lies outside, so each
 * dialog has one of its own.
 */
export function useLiveRegion(): { region: ComponentChildren; announce(words: string): void } {
  const [said, setSaid] = useState({ words: '', turn: 0 })
  const announce = useCallback(
    (words: string): void => setSaid(({ turn }) => ({ words, turn: turn + 1 })),
    [],
  )
  // With a new element the same words are heard again.
  const region = (
    <p class="heard" role="status" aria-live="polite">
      <span key={said.turn}>{said.words}</span>
    </p>
  )
  return { region, announce }
}
