/** An answer of the API as a page shows it: loading, there, or refused; loaded again after every act. */
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Answer, Input } from './api.ts'
import { ApiFault } from './api.ts'
import { useConsole } from './context.ts'
import { WRITTEN_DOWN } from './written-down.ts'

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
  /**
   * The same was asked again, and nobody could answer: since when the data stands, and how to ask once more.
   */
  outdated?: Outdated
}

type Outdated = {
  since: string
  /** It is asked for again without anybody's doing. */
  asksItself: boolean
  again(): void
}

/** How many rows a list has in all, of which an answer may have a page; 0 until it is there. */
export function totalOf(of: Loaded<unknown>): number {
  return of.state === 'there' ? of.total : 0
}

export const AGAIN_SECONDS = 15
/** Many pages have lost the same server: they do not all come back in the same moment. */
const SPREAD_SECONDS = 3
/** A session ends when nobody is there, also that of a page that looks by itself. */
const RETRY_FOR_MS = 30 * 60_000

/** Too many requests: whoever reads did nothing wrong, and will be answered. */
const TOO_MANY = 429

/**
 * Calls a reading operation, and again whenever its input changes, or `turn`, of which a page that watches
 * makes a new one. The last answer stays visible meanwhile, and also when the same question finds no answer
 * later: then it is asked again by itself. A refusal takes it away: who may not read it any more, or what is
 * gone, is not shown.
 */
export function useAnswer<T>(operation: string, input: Omit<Input, 'signal'> = {}, turn = 0): Loaded<T> {
  const { api, changes, signedOut } = useConsole()
  const [tries, setTries] = useState(0)
  const [loaded, setLoaded] = useState<{ of: string; asked: string; at: string; value: Loaded<T> }>()
  const failingFrom = useRef<number>(undefined)
  const asked = JSON.stringify([operation, input])
  const asksItself = (): boolean =>
    !WRITTEN_DOWN.has(operation) && Date.now() - (failingFrom.current ?? Date.now()) < RETRY_FOR_MS
  useEffect(() => {
    const ending = new AbortController()
    const { signal } = ending
    const settle = (value: Loaded<T>): void => {
      if (signal.aborted) return
      failingFrom.current = undefined
      setLoaded({ of: operation, asked, at: new Date().toISOString(), value })
    }
    const refuse = (cause: unknown): void => {
      if (signal.aborted) return
      if (cause instanceof ApiFault && cause.status === 401) {
        signedOut()
        return
      }
      const fault = cause instanceof ApiFault ? cause : new ApiFault(0, { message: String(cause) })
      const again = (): void => {
        failingFrom.current = undefined
        setTries((before) => before + 1)
      }
      failingFrom.current ??= Date.now()
      setLoaded((before) => {
        const isKept = before?.value.state === 'there' && before.asked === asked && isNoRefusal(fault)
        if (isKept) {
          const outdated = { since: before.at, asksItself: asksItself(), again }
          return { ...before, value: { ...before.value, stale: false, isOther: false, outdated } }
        }
        return { of: operation, asked, at: '', value: { state: 'refused', fault, again } }
      })
    }
    setLoaded((before) =>
      before?.of === operation && before.value.state === 'there'
        ? { ...before, value: { ...before.value, stale: true } }
        : undefined,
    )
    api.call<T>(operation, { ...input, signal }).then((answer: Answer<T>) => {
      const { data, total = 0, headers } = answer
      settle({ state: 'there', data, total, headers, stale: false, isOther: false })
    }, refuse)
    return () => ending.abort()
  }, [asked, changes, tries, turn])

  const value: Loaded<T> = loaded?.of === operation ? loaded.value : { state: 'loading' }
  const isOther = loaded?.asked !== asked
  // Whoever asks something else, or is being answered already, needs no other look.
  const outdated = value.state === 'there' && !value.stale && !isOther ? value.outdated : undefined
  useAgain(outdated, () => {
    if (asksItself()) setTries((before) => before + 1)
    else
      setLoaded((before) =>
        before?.value.state === 'there' && before.value.outdated === outdated && outdated !== undefined
          ? { ...before, value: { ...before.value, outdated: { ...outdated, asksItself: false } } }
          : before,
      )
  })
  if (value.state !== 'there' || !isOther) return value
  const { outdated: _, ...before } = value
  return { ...before, stale: true, isOther }
}

/** Looks again after a while, once: the next look waits for the answer to this one. */
function useAgain(outdated: Outdated | undefined, look: () => void): void {
  useEffect(() => {
    if (outdated?.asksItself !== true) return
    const seconds = AGAIN_SECONDS + SPREAD_SECONDS * (2 * Math.random() - 1)
    const timer = setInterval(() => {
      // What comes may take an act away, so nobody is interrupted who reads what it would do.
      if (document.hidden || document.querySelector('dialog[open]') !== null) return
      clearInterval(timer)
      look()
    }, seconds * 1000)
    return () => clearInterval(timer)
  }, [outdated])
}

/** No answer, or one that a server gives in its own trouble. */
function isNoRefusal({ status }: ApiFault): boolean {
  return status === 0 || status >= 500 || status === TOO_MANY
}
