/** An answer of the API as a page shows it: loading, there, or refused; loaded again after every act. */
import { useEffect, useState } from 'preact/hooks'
import type { Answer, Input } from './api.ts'
import { ApiFault } from './api.ts'
import { useConsole } from './context.ts'

export type Loaded<T> =
  | { state: 'loading' }
  | { state: 'refused'; fault: ApiFault; again(): void }
  /** `stale`: it is asked for again; `isOther`: it answers what was asked before, not what is asked now. */
  | { state: 'there'; data: T; total: number; headers: Headers; stale: boolean; isOther: boolean }

/**
 * Calls a reading operation, and again whenever its input changes, or `turn`, of which a page that watches makes a new one. The last answer
 * stays visible meanwhile.
 */
export function useAnswer<T>(operation: string, input: Omit<Input, 'signal'> = {}, turn = 0): Loaded<T> {
  const { api, changes, signedOut } = useConsole()
  const [tries, setTries] = useState(0)
  const [loaded, setLoaded] = useState<{ of: string; asked: string; value: Loaded<T> }>()
  const asked = JSON.stringify([operation, input])
  useEffect(() => {
    const ending = new AbortController()
    const { signal } = ending
    const settle = (value: Loaded<T>): void => {
      if (!signal.aborted) setLoaded({ of: operation, asked, value })
    }
    const refuse = (cause: unknown): void => {
      if (cause instanceof ApiFault && cause.status === 401) {
        if (!signal.aborted) signedOut()
        return
      }
      const fault = cause instanceof ApiFault ? cause : new ApiFault(0, { message: String(cause) })
      settle({ state: 'refused', fault, again: () => setTries((before) => before + 1) })
    }
    setLoaded((before) =>
      before?.of === operation && before.value.state === 'there'
        ? { ...before, value: { ...before.value, stale: true, isOther: before.asked !== asked } }
        : undefined,
    )
    api.call<T>(operation, { ...input, signal }).then((answer: Answer<T>) => {
      const { data, total = 0, headers } = answer
      settle({ state: 'there', data, total, headers, stale: false, isOther: false })
    }, refuse)
    return () => ending.abort()
  }, [asked, changes, tries, turn])
  return loaded?.of === operation ? loaded.value : { state: 'loading' }
}
