/**
 * Repeats a call only where that cannot double it: a safe method, and an error after which it is certain that nothing was carried out.
 * Waits longer each time, at least as long as the security server asks, never beyond the deadline.
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
  q: { method: string; retries: number; deadlineAt: number; signal: AbortSignal },
  send: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await send()
    } catch (thrown) {
      if (!(thrown instanceof ExchangeError)) throw thrown
      thrown.attempts = attempt
      if (attempt > q.retries || !SAFE.has(q.method) || !mayPass(thrown)) throw thrown
      const pauseMs = pauseAfter(attempt, thrown.retryAfterMs)
      if (Date.now() + pauseMs >= q.deadlineAt) throw thrown
      await sleep(pauseMs, undefined, { signal: q.signal }).catch(() => {
        throw Object.assign(endedBy(q.signal, false), { attempts: attempt })
      })
    }
  }
}

function mayPass({ code, status, retryAfterMs, mayHaveBeenCarriedOut }: ExchangeError): boolean {
  if (mayHaveBeenCarriedOut) return false
  return code === 'unreachable' || retryAfterMs !== undefined || PASSING.has(status ?? 0)
}

/** At random up to a bound that doubles, so that many clients do not come back at once. */
function pauseAfter(attempt: number, retryAfterMs = 0): number {
  const bound = Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS)
  return retryAfterMs + bound * (0.5 + Math.random() / 2)
}
