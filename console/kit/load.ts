/** An answer of the API as a page shows it: loading, there, or refused; loaded again after every act. */
import { useEffect, useState } from 'preact/hooks'
import type { Answer, Input } from './api.ts'
import { ApiFault } from './api.ts'
import { useConsole } from './context.ts'

export type Loaded<T> = { state: 'loading' } | { state: 'refused'; fault: ApiFault; again(): void } | There<T>

type There<T> = {
  state: 'there'
  data: T
  total: number
  headers: Headers
  /** It is asked for again. */
  stale: boolean
  /** It answers what was asked before, not what is asked now. */
  isOther: boolean
  /** The same was asked again, and nobody could answer: since when the data stands, and how to ask once more. */
  outdated?: Outdated
}

type Outdated = { since: string; again(): void }

/** Too many requests: whoever reads did nothing wrong, and will be answered. */
const TOO_MANY = 429

/**
 * Calls a reading operation, and again whenever its input changes, or `turn`, of which a page that watches makes a new one. The last answer
 * stays visible meanwhile, and also when the same question finds no answer later. A refusal takes it away: who may not read it any more, or
 * what is gone, is not shown.
 */
export function useAnswer<T>(operation: string, input: Omit<Input, 'signal'> = {}, turn = 0): Loaded<T> {
  const { api, changes, signedOut } = useConsole()
  const [tries, setTries] = useState(0)
  const [loaded, setLoaded] = useState<{ of: string; asked: string; at: string; value: Loaded<T> }>()
  const asked = JSON.stringify([operation, input])
  useEffect(() => {
    const ending = new AbortController()
    const { signal } = ending
    const settle = (value: Loaded<T>): void => {
      if (!signal.aborted) setLoaded({ of: operation, asked, at: new Date().toISOString(), value })
    }
    const refuse = (cause: unknown): void => {
      if (cause instanceof ApiFault && cause.status === 401) {
        if (!signal.aborted) signedOut()
        return
      }
      const fault = cause instanceof ApiFault ? cause : new ApiFault(0, { message: String(cause) })
      const again = (): void => setTries((before) => before + 1)
      if (signal.aborted) return
      setLoaded((before) => {
        const isKept = before?.value.state === 'there' && before.asked === asked && isNoRefusal(fault)
        if (isKept)
          return {
            ...before,
            value: { ...before.value, stale: false, outdated: { since: before.at, again } },
          }
        return { of: operation, asked, at: '', value: { state: 'refused', fault, again } }
      })
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

/** No answer, or one that a server gives in its own trouble. */
function isNoRefusal({ status }: ApiFault): boolean {
  return status === 0 || status >= 500 || status === TOO_MANY
}
