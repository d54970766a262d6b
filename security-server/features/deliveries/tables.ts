/**
 * The rows of deliveries. Times are ISO texts, '' where there is none; numbers may come back as texts from
 * one of the stores.
 */
import type { Generated } from 'kysely'
import type { Time, Whole } from '#schemas/sent-values.ts'

/**
 * - outbox: `accepting` (not answered yet), `waiting`, `delivered` (a receipt is still to come), `done`
 *   (delivered to a service that gives none), `consumed`, `dead`, `abandoned`, `unconfirmed` (delivered, and
 *   nobody can say any more whether it was consumed).
 * - inbox: `waiting`, `consumed`, `dead`, `abandoned`.
 */
export type DeliveryState =
  | 'accepting'
  | 'waiting'
  | 'delivered'
  | 'done'
  | 'consumed'
  | 'dead'
  | 'abandoned'
  | 'unconfirmed'

/** The longest that a row is claimed: a lease. */
export const LONGEST_CLAIM_MS = 3_600_000
/**
 * The longest that a way or a row waits for its next attempt: what a peer says by Retry-After counts up to a
 * day.
 */
export const LONGEST_WAIT_MS = 25 * 3_600_000
/** The longest that an inbox is not asked what became of a message. */
export const LONGEST_UNASKED_MS = 10 * 86_400_000

/** What both boxes have. */
export type BoxRow = {
  position: Generated<Whole>
  /** The id of the delivery. */
  delivery: string
  /** Names the event among all of its sender and inbox: HMAC of client, service, source and id (names.ts). */
  event_key: string
  /**
   * What is kept in order: HMAC of client, service and partition key; of an event without one its
   * `event_key`.
   */
  lane: string
  /** The id of the key of these names; '' for the plain SHA-256 of an earlier version. */
  named_by: string
  /**
   * 1 or 2 when it is under a secret contract, else 0: who may see its parties (docs/secret-contracts.md).
   */
  secrecy: Whole
  /** 1 for the first waiting row of its lane. */
  ready: Whole
  state: DeliveryState
  attempts: Whole
  /** '' until an attempt failed: what is new is due, whatever the clock does. */
  due_at: string
  claimed_by: string
  claimed_until: string
  expires_at: string
  /** When it was accepted here. */
  since: Time
  changed_at: Time
  /** The code of the last failure. */
  error: string
  /** The id of the key that seals `facts` and `content`. */
  key_id: string
  /**
   * Indexes in the message log: of `accepted`, or of the request that brought it; of the reply; of the last
   * receipt.
   */
  first_record: Whole | null
  exchange_record: Whole | null
  end_record: Whole | null
  facts: Buffer
  /** The event; null once nobody needs it any more. */
  content: Buffer | null
}

export type OutboxRow = BoxRow & { route: Whole; arrived: 'yes' | 'no' | 'unknown' }
export type InboxRow = BoxRow & { service: string; client: string; peer: string }

export type RouteRow = {
  id: Generated<Whole>
  client: string
  service: string
  /** Failures in a row that do not depend on the message, and when the next attempt is due. */
  failures: Whole
  next_at: string
  error: string
  /** The last receipt that was taken, when the next ones are asked for, and how long was waited before. */
  receipts_after: Whole
  receipts_at: string
  receipts_wait: Whole
  /** The lowest secrecy of a message on it: who may know of the way. */
  secrecy: Whole
}

export type Route = Omit<RouteRow, 'id'> & { id: Whole }

export type Tables = {
  outbox: OutboxRow
  inbox: InboxRow
  delivery_route: RouteRow
  /** Receipts that could not be judged when they came. */
  delivery_receipt_again: { route: number; position: number; tries: number; next_at: string }
  inbox_receipt: { client: string; service: string; position: number; record: number; at: string }
  delivery_key: { id: string; since: string }
  /** One row: the key of names, sealed under the content key `key_id`. */
  delivery_name_key: { one: number; id: string; sealed: Buffer; key_id: string }
  /** What waits, by sender: messages, and the octets of their sealed content. */
  inbox_use: { service: string; client: string; events: number; bytes: number }
  /** What has its content in the outbox, by way: messages, and the octets of their sealed content. */
  outbox_use: { route: number; events: number; bytes: number }
  /** Requests whose exchange is being erased, or was a short time ago, by so many `orders`. */
  inbox_erased: { record: number; at: string; orders: Generated<number> }
  inbox_receipts: { client: string; service: string; last: number }
}
