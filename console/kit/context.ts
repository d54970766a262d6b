/** What every part of a console may ask for: the API, who is signed in, the live region, and that something has changed. */
import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import type { Api, Session } from './api.ts'
import { mayCall } from './api.ts'

export type Console = {
  api: Api
  session: Session
  /** Counts acts: what is shown is read again after each. */
  changes: number
  changed(): void
  /** The session has ended, at the server or here. */
  signedOut(): void
}

export const ConsoleContext = createContext<Console | undefined>(undefined)

export function useConsole(): Console {
  const found = useContext(ConsoleContext)
  if (found === undefined) throw new Error('outside a console')
  return found
}

export function useMay(operation: string): boolean {
  return mayCall(useConsole().session, operation)
}
