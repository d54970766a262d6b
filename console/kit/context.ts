/**
 * What every part of a console can use: the API, the session, the live region, and the signal that something
 * has changed.
 */
import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import type { Api, Session } from './api.ts'
import { mayCall } from './api.ts'

export type Console = {
  api: Api
  session: Session
  /** The number of acts so far: answers are loaded again when it rises. */
  changes: number
  changed(): void
  /** Call when the session has ended, at the server or here. */
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
