/** The live region: announces changes of the page to people who do not see them. */
import { createContext } from 'preact'
import { useContext } from 'preact/hooks'

export const AnnounceContext = createContext<(words: string) => void>(() => undefined)

export function useAnnounce(): (words: string) => void {
  return useContext(AnnounceContext)
}

export function LiveRegion({ words }: { words: string }) {
  return (
    <p class="heard" role="status" aria-live="polite">
      {words}
    </p>
  )
}
