/**
 * Hands an event over to the own security server. Guarantees that it returns only when the server has it for
 * good (of an inbox: has signed that it accepted it), and that it repeats the very same event until then,
 * unless the server says that it will never take this event.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { SecurityServer } from '#adapters/client/connect.ts'
import { ExchangeError } from '#adapters/client/exchange-error.ts'
import type { Finding } from '#platform/health/create-health.ts'
import { backOff } from '#platform/jobs/back-off.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { handTo } from './hand-to.ts'

/** What the server says of this one event, and would say again. All else is about the way, which may open. */
const OF_ONE_EVENT: ReadonlySet<string> = new Set([
  ...['invalid_event', 'malformed_json', 'body_too_large', 'event_id_reused', 'delivery_expired'],
  ...['not_as_described', 'outside_contract'],
  // In a room: it was published, and taken back.
  'conflict',
  // Of the client itself: its inbox is none that there can be, its room none of the own subsystem.
  'invalid_argument',
])
const LONGEST_PAUSE_MS = 60_000
const ONCE = { retries: 0, deadlineMs: 30_000 }

/** The event will never be accepted; the message says why. */
export class EventRefused extends Error {
  constructor(cause: ExchangeError) {
    super(cause.message, { cause })
    this.name = 'EventRefused'
  }
}

export type HandOver = {
  /**
   * `target`: an inbox or a room (hand-to.ts); `event` is a CloudEvent in structured mode. Throws
   * EventRefused, and the signal's reason when that ends it.
   */
  accept(target: string, event: Uint8Array, signal: AbortSignal): Promise<void>
  /** Once: false when the server does not accept it now. Throws as `accept` does. */
  offer(target: string, event: Uint8Array, signal: AbortSignal): Promise<boolean>
  /** Not ok while the server does not accept anything. */
  finding(): Finding
}

export function createHandOver(q: { server: Pick<SecurityServer, 'send' | 'publish'>; log: Log }): HandOver {
  let trouble: string | undefined
  const note = (now: string | undefined): void => {
    if (now === trouble) return
    trouble = now
    if (now === undefined) q.log.info('events are accepted again')
    else q.log.warn({ reason: now }, 'events are not accepted: they wait where they are')
  }
  const offer: HandOver['offer'] = async (target, event, signal) => {
    signal.throwIfAborted()
    try {
      await handTo(q.server, target, event, { ...ONCE, signal })
      note(undefined)
      return true
    } catch (thrown) {
      signal.throwIfAborted()
      if (!(thrown instanceof ExchangeError)) throw thrown
      if (OF_ONE_EVENT.has(thrown.code.split('.').at(-1)!)) throw new EventRefused(thrown)
      note(thrown.message)
      return false
    }
  }
  return {
    offer,
    async accept(target, event, signal) {
      for (let attempt = 1; !(await offer(target, event, signal)); attempt++)
        await wait(pauseAfter(attempt), undefined, { signal })
    },
    finding: () => (trouble === undefined ? { ok: true } : { ok: false, reason: trouble }),
  }
}

/** Milliseconds until a server that does not accept is asked again; `attempt` counts from 1. */
export function pauseAfter(attempt: number): number {
  return backOff(attempt, Math.random(), LONGEST_PAUSE_MS)
}
