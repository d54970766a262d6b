/** The live region: announces changes of the page to people who do not see them. */
import { type ComponentChildren, createContext } from 'preact'
import { useCallback, useContext, useState } from 'preact/hooks'

export const AnnounceContext = createContext<(words: string) => void>(() => undefined)

export function useAnnounce(): (words: string) => void {
  return useContext(AnnounceContext)
}

/** A region, and what announces in it. While a dialog is open nothing is heard of what lies outside, so each dialog has one of its own. */
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
