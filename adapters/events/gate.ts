/**
 * A way that may be closed. Guarantees that an act is repeated until it succeeds or fails for good, and that
 * while the way is closed one act at a time tries whether it is open again, after pauses that grow.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { Finding } from '#platform/health/create-health.ts'
import { createTurn } from '#platform/in-turn.ts'

export type Gate = {
  /**
   * Resolves with what `act` does. Throws what `isFinal` knows as an answer, and what `signal` says when it
   * ends the wait.
   */
  through<T>(act: () => Promise<T>): Promise<T>
  finding(): Finding
}

type GateQuestion = {
  /** Whether a failure says something of this act, and not of the way. */
  isFinal(thrown: unknown): boolean
  /** The reason in words for operators; also told when the way closes. */
  describe(thrown: unknown): string
  onChange(reason: string | undefined): void
  signal: AbortSignal
}

const FIRST_MS = 500
const LONGEST_MS = 60_000

export function createGate(q: GateQuestion): Gate {
  const inTurn = createTurn()
  let closed: { reason: string; pauseMs: number } | undefined

  function close(thrown: unknown): void {
    const reason = q.describe(thrown)
    if (closed?.reason !== reason) q.onChange(reason)
    closed = { reason, pauseMs: Math.min((closed?.pauseMs ?? FIRST_MS / 2) * 2, LONGEST_MS) }
  }

  function open(): void {
    if (closed !== undefined) q.onChange(undefined)
    closed = undefined
  }

  async function attempt<T>(act: () => Promise<T>): Promise<{ done: T } | undefined> {
    q.signal.throwIfAborted()
    try {
      const done = await act()
      open()
      return { done }
    } catch (thrown) {
      q.signal.throwIfAborted()
      if (q.isFinal(thrown)) {
        open()
        throw thrown
      }
      close(thrown)
      return undefined
    }
  }

  /** Leaves the turn at once when another act has opened the way meanwhile. */
  async function attemptAfterPause<T>(act: () => Promise<T>): Promise<{ done: T } | undefined> {
    if (closed === undefined) return undefined
    await wait(closed.pauseMs, undefined, { signal: q.signal })
    return attempt(act)
  }

  return {
    async through(act) {
      for (;;) {
        const tried = await (closed === undefined ? attempt(act) : inTurn(() => attemptAfterPause(act)))
        if (tried !== undefined) return tried.done
      }
    },
    finding: () => ({ ok: closed === undefined, reason: closed?.reason }),
  }
}
