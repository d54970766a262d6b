/**
 * Text that was typed and is not sent yet. Whoever would lose it is asked first, whether they leave the page
 * or close the window.
 */
import { useLayoutEffect } from 'preact/hooks'

/** One for each form that has such text. */
const unsaved = new Set<object>()

/** Shows the question; before somebody has signed in there is none. */
let ask: ((go: () => void) => void) | undefined

/**
 * For a form, as long as it is shown: whether it has text that would be lost, and the text. With other text
 * somebody is asked again who has agreed to lose it and then stayed.
 */
export function useUnsaved(isUnsaved: boolean, what: unknown): void {
  useLayoutEffect(() => {
    if (!isUnsaved) return
    const own = {}
    unsaved.add(own)
    window.addEventListener('beforeunload', stayHere)
    return () => {
      unsaved.delete(own)
      if (unsaved.size === 0) window.removeEventListener('beforeunload', stayHere)
    }
  }, [isUnsaved, what])
}

/** Browsers ask then, in words of their own. Who has not signed in yet loses nothing. */
function stayHere(event: Event): void {
  if (ask !== undefined) event.preventDefault()
}

export function asksBeforeLeaving(): boolean {
  return unsaved.size > 0 && ask !== undefined
}

/** Goes away from what is shown: at once, or when the person agrees to lose what they typed. */
export function leave(go: () => void): void {
  if (unsaved.size > 0 && ask !== undefined) ask(go)
  else go()
}

export function setQuestion(question: typeof ask): void {
  ask = question
}

/** The person has agreed to lose it. */
export function giveUp(): void {
  unsaved.clear()
}
