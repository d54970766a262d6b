/**
 * The own inbox: events are fetched under a lease and acknowledged. Guarantees that what is given to the
 * caller is an event with the octets that its sender handed over, that it comes again until it was
 * acknowledged, and that an unreadable event does not hold up the others.
 */
import { wholeNumber } from './call-limits.ts'
import { headersOf } from './delivery.ts'
import { eventSpans, withoutSpans } from './event-spans.ts'
import { ExchangeError } from './exchange-error.ts'
import {
  type FetchOptions,
  type Given,
  type InboxEvent,
  inboxEvent,
  LEASE_SECONDS,
  seconds,
} from './inbox-event.ts'
import { leaveUnreadable } from './leave-unreadable.ts'
import { type ReceiveOptions, receive } from './receive.ts'
import { notAnAnswer, readObject, type ServerDoor } from './server-door.ts'
import { type Handle, type WorkOptions, work } from './work.ts'

export type Inbox = {
  /**
   * What waits now, oldest first; none when nothing waits. What nobody can read goes back, and `onTrouble`
   * hears of it.
   */
  fetch(options?: FetchOptions): Promise<InboxEvent[]>
  /** Events as they come, until `signal` ends it; what was fetched and not given to the caller goes back. */
  receive(options?: ReceiveOptions): AsyncGenerator<InboxEvent, void, void>
  /**
   * Does `handle` for each event, acknowledges it when that resolves and gives it back when it throws, in
   * order under each key. Resolves when `signal` ends it and what was begun is done.
   */
  work(handle: Handle, options?: WorkOptions): Promise<void>
}

/** `inbox` is the text of an identifier. */
export function openInbox(q: { door: ServerDoor; client: string; inbox: string }): Inbox {
  const at = `/deliveries/v1/inbox/${q.inbox}`
  const headers = headersOf(q.client)

  async function fetch(options: FetchOptions = {}): Promise<InboxEvent[]> {
    const limit = wholeNumber('limit', options.limit ?? 10, 1)
    const lease = seconds('leaseSeconds', options.leaseSeconds ?? LEASE_SECONDS, 1)
    if (limit > 100) throw new ExchangeError('invalid_argument', { what: 'limit is over 100' })
    const target = `${at}?limit=${limit}&lease=${lease}`
    const askedAt = performance.now()
    const read = (json: Uint8Array): Given[] => {
      const spans = eventSpans(json)
      // Each event by itself: they are of different senders.
      const { events } = readObject(withoutSpans(json, spans))
      if (!Array.isArray(events) || events.length !== spans.length) throw notAnAnswer('it has no events')
      const own = { door: q.door, at, headers, until: askedAt + lease * 1000 }
      return events.map((one: unknown, i) => inboxEvent(own, one, spans[i]!))
    }
    const given = await q.door.ask({ method: 'GET', target, headers, limits: options, read })
    return leaveUnreadable(given, options.onTrouble)
  }

  return {
    fetch,
    receive: (options) => receive(fetch, options),
    work: (handle, options) => work(fetch, handle, options),
  }
}
