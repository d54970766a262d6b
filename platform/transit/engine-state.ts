/**
 * What is known of a transit engine: its state, the last failure and the rest after it, and whether its
 * signatures verify.
 */
import { type Clock, hasPassed } from '#platform/clock.ts'
import type { TokenState } from '#platform/pkcs11/hardware-token.ts'
import { Fault } from '#schemas/fault.ts'

/** Signatures that do not verify, one after the other, before a key is held for broken. */
const MOST_WRONG = 3

/** Begins away; `changed` is called on each change of the state. */
export function createEngineState(q: {
  name: string
  model: string
  clock: Clock
  changed?: (() => void) | undefined
}) {
  let now: TokenState = { state: 'away', reason: 'it was not looked for yet' }
  let failure: { fault: Fault; at: number; pauseMs: number } | undefined
  let isTrying = false

  function become(next: Pick<TokenState, 'state' | 'reason'>): void {
    const before = JSON.stringify(now)
    now = { ...next, model: q.model }
    if (JSON.stringify(now) !== before) q.changed?.()
  }

  return {
    state: (): TokenState => now,
    /** Why it cannot be used; undefined while it can, and at first. */
    failure: (): Fault | undefined => failure?.fault,
    serve(): void {
      failure = undefined
      become({ state: 'open' })
    },
    /**
     * The fault for the caller, and for all others until the pause is over. A token that we have stays: the
     * engine knows it again.
     */
    fail(state: 'away' | 'locked', reason: string, pauseMs: number, cause?: unknown): Fault {
      become({ state, reason })
      const code = state === 'away' ? 'token_unavailable' : 'token_not_active'
      const fault = new Fault(code, { what: `${q.name}: ${reason}`, cause })
      failure = { fault, at: q.clock(), pauseMs }
      return fault
    },
    /** One attempt at a time; meanwhile, and for a pause after it, all others get the last reason. */
    failWhileAway(): void {
      if (failure === undefined) return
      if (isTrying || !hasPassed(q.clock(), failure.at, failure.pauseMs)) throw failure.fault
    },
    async trying<T>(act: () => Promise<T>): Promise<T> {
      isTrying = true
      try {
        return await act()
      } finally {
        isTrying = false
      }
    },
  }
}

/** Counts wrong signatures in a row, by key: one broken key among good ones says nothing of the engine. */
export function createSignatureRecord() {
  const wrong = new Map<string, number>()
  return {
    /** Notes one; true when each key that signed gave several in a row that do not verify. */
    areAllWrong(key: string, isGood: boolean): boolean {
      wrong.set(key, isGood ? 0 : (wrong.get(key) ?? 0) + 1)
      return !isGood && [...wrong.values()].every((count) => count >= MOST_WRONG)
    },
    forget: (key: string): void => void wrong.delete(key),
  }
}
