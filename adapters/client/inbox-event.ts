/**
 * One event of the own inbox, under its lease. Guarantees that it is one, with the octets that its sender
 * handed over, and that it comes again until it was acknowledged.
 */
import { type LimitOptions, wholeNumber } from './call-limits.ts'
import { type Receipt, receiptOf, textIn } from './delivery.ts'
import { asEvent, type CloudEvent } from './event.ts'
import { ExchangeError } from './exchange-error.ts'
import type { HeaderPair } from './request-headers.ts'
import { notAnAnswer, readObject, type ServerDoor } from './server-door.ts'

/** An event that nobody else gets while its lease lasts. */
export type InboxEvent = {
  event: CloudEvent
  /** The event's JSON form, the octets that its sender handed over. */
  bytes: Uint8Array
  /** Its place in the inbox. */
  id: string
  /** The id of the delivery, by which proofs are found. */
  delivery: string
  /** The subsystem that sent it, "DEV/GOV/1002/tax", as its security server proved. */
  sender: string
  /** How often it was given out, this time included. */
  attempt: number
  /** For how long nobody else gets it, by the clock of this process; below 0 once that is over. */
  readonly leaseLeftMs: number
  readonly state: 'leased' | 'acknowledged' | 'returned'
  /**
   * After your own commit: it does not come again. Resolves to the signed receipt `consumed`; doing it twice
   * changes nothing.
   */
  acknowledge(options?: LimitOptions): Promise<Receipt | undefined>
  /**
   * Keeps it for so many seconds from now, 60 when absent. Throws `client.lease_lost` when somebody else may
   * have it.
   */
  renew(leaseSeconds?: number, options?: LimitOptions): Promise<void>
  /**
   * Gives it back before its lease ends, with what was fetched behind it under the same key; resolves to the
   * ids of all that went back. It is given out again after `delaySeconds`. `untouched`: this was no attempt.
   */
  giveBack(options?: GiveBackOptions): Promise<string[]>
}

type GiveBackOptions = LimitOptions & { delaySeconds?: number; untouched?: boolean }

export type FetchOptions = LimitOptions & {
  /** At most so many events, 1 to 100; 10 when absent. */
  limit?: number
  /** How long they are nobody else's, 1 to 3600; 60 when absent. */
  leaseSeconds?: number
  /** Hears of each event that goes back because it is no JSON with one reading. */
  onTrouble?: (trouble: unknown) => void
}

/** As the server gives it; `event` is undefined where nobody can read it. */
export type Given = Omit<InboxEvent, 'event'> & { event: CloudEvent | undefined }

export const LEASE_SECONDS = 60
const MOST_SECONDS = 3600
const LONGEST_DELAY_SECONDS = 300

/**
 * `until` the lease lasts by the clock of this process, whose difference to the server's nobody knows. Throws
 * `not_an_answer`.
 */
export function inboxEvent(
  q: { door: ServerDoor; at: string; headers: HeaderPair[]; until: number },
  value: unknown,
  bytes: Uint8Array,
): Given {
  const { door, at, headers } = q
  let { until } = q
  if (typeof value !== 'object' || value === null) throw notAnAnswer('an event of it is none')
  const said = value as Record<string, unknown>
  const [id, leaseId] = [textIn(said, 'id'), textIn(said, 'leaseId')]
  if (!/^\d{1,15}$/.test(id)) throw notAnAnswer('an event of it is none')
  let state: InboxEvent['state'] = 'leased'
  const post = async (
    act: string,
    query: Record<string, string | number | boolean>,
    limits: LimitOptions | undefined,
  ): Promise<Record<string, unknown>> => {
    const asked = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]))
    const target = `${at}/${id}/${act}${asked.size === 0 ? '' : `?${asked.toString()}`}`
    const content = new Uint8Array()
    return door.ask({ method: 'POST', target, headers, content, limits, read: readObject })
  }
  return {
    ...{
      event: readBytes(bytes),
      bytes,
      id,
      delivery: textIn(said, 'delivery'),
      sender: textIn(said, 'sender'),
    },
    attempt: Number(said['attempt']),
    get leaseLeftMs() {
      return until - performance.now()
    },
    get state() {
      return state
    },
    acknowledge: async (options) => {
      const { consumed } = await post('acknowledgement', {}, options)
      state = 'acknowledged'
      return receiptOf(consumed)
    },
    renew: async (lease = LEASE_SECONDS, options) => {
      const query = { leaseId, lease: seconds('leaseSeconds', lease, 1) }
      const askedAt = performance.now()
      await post('renewal', query, options)
      until = askedAt + lease * 1000
    },
    giveBack: async (options = {}) => {
      const { delaySeconds = 0, untouched = false } = options
      const query = { leaseId, delay: seconds('delaySeconds', delaySeconds, 0), untouched }
      // From here on it may be somebody else's.
      state = 'returned'
      const { returned } = await post('return', query, options)
      return Array.isArray(returned) ? returned.map(String) : []
    },
  }
}

function readBytes(bytes: Uint8Array): CloudEvent | undefined {
  try {
    return asEvent(readObject(bytes))
  } catch {
    return undefined
  }
}

/** How long an event that was not taken waits before it is given out again. */
export function againAfterSeconds(attempt: number): number {
  return Math.min(2 ** (attempt - 1), LONGEST_DELAY_SECONDS)
}

/** Throws `invalid_argument` for a time that no lease can have. */
export function seconds(name: string, value: number, least: number): number {
  if (value <= MOST_SECONDS) return wholeNumber(name, value, least)
  throw new ExchangeError('invalid_argument', { what: `${name} is over ${MOST_SECONDS}` })
}
