/**
 * Repeats a request where its sender says that this cannot double it: a call of a safe method only after an
 * error after which it is certain that nothing was carried out. Waits longer each time, at least as long as
 * the security server asks, never beyond the deadline.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { ExchangeError } from './exchange-error.ts'
import { endedBy } from './transport.ts'

const FIRST_PAUSE_MS = 200
const LONGEST_PAUSE_MS = 5000
/** Failures that may pass by themselves. X-Road answers 500 to most of its own, which says too little. */
const PASSING = new Set([429, 502, 503])
const SAFE = new Set(['GET', 'HEAD'])

export async function withRetries<T>(
  q: {
    mayRepeat(error: ExchangeError): boolean
    retries: number
    deadlineAt: number
    signal: AbortSignal
  },
  send: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await send()
    } catch (thrown) {
      if (!(thrown instanceof ExchangeError)) throw thrown
      thrown.attempts = attempt
      if (attempt > q.retries || !q.mayRepeat(thrown)) throw thrown
      const pauseMs = pauseAfter(attempt, thrown.retryAfterMs)
      if (Date.now() + pauseMs >= q.deadlineAt) throw thrown
      await sleep(pauseMs, undefined, { signal: q.signal }).catch(() => {
        throw Object.assign(endedBy(q.signal, false), { attempts: attempt })
      })
    }
  }
}

/** Whether a call of this method may be sent again after this error. */
export function mayRepeatCall(method: string, error: ExchangeError): boolean {
  return SAFE.has(method) && mayPass(error)
}

function mayPass({ code, status, retryAfterMs, mayHaveBeenCarriedOut }: ExchangeError): boolean {
  if (mayHaveBeenCarriedOut) return false
  return code === 'unreachable' || retryAfterMs !== undefined || PASSING.has(status ?? 0)
}

/** At random up to a bound that doubles, so that many clients do not come back at once. */
export function pauseAfter(attempt: number, retryAfterMs = 0, longestMs = LONGEST_PAUSE_MS): number {
  const bound = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(attempt - 1, 20), longestMs)
  return retryAfterMs + bound * (0.5 + Math.random() / 2)
}
