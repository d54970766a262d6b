/**
 * The rows of rooms. Times are ISO texts, '' where there is none; numbers may come back as texts from one of
 * the stores.
 */
import type { Generated } from 'kysely'
import type { Time, Whole } from '#schemas/sent-values.ts'

/**
 * - `active`: it is given what is published.
 * - `suspended`: nothing can be given out now, for the reason in `error`; it goes on by itself.
 * - `stopped`: by an operator, until he lets it go on.
 * - `lapsed`: events went that it had not been given. A person ends it.
 * - `ended`: by an operator; the subscriber may make a new one.
 */
export type SubscriptionState = 'active' | 'suspended' | 'stopped' | 'lapsed' | 'ended'

/** The longest that a subscription waits, or that one is claimed; and that events are leased. */
export const LONGEST_WAIT_MS = 300_000
export const LONGEST_LEASE_MS = 3_600_000

export type TypeRow = {
  id: Generated<Whole>
  room: string
  name: string
  /** JSON Schema of the data, '' where any data are taken, and its SHA-256. */
  schema: string
  digest: string
  keep_days: Whole
  /** The last sequence that was given to an event. */
  last: Whole
  /** Every active subscription has been moved past this one. */
  spread: Whole
  closed: Whole
  /** What its events take: their contents, and 256 for each. Changed under the lock of the type. */
  octets: Whole
  created_at: Time
}

/**
 * What is at this source or below it, by whole segments, is published in the room by this publisher alone.
 */
export type SourceRow = { room: string; type: Whole; source: string; publisher: string }

export type EventRow = {
  type: Whole
  sequence: Whole
  publisher: string
  /**
   * Names the event among all of its room: a keyed hash of room, source and id. An inbox knows one by its
   * source and id, too. When the key of names was lost, a repetition of an older event is a new one here, and
   * is found by the door of deliveries.
   */
  event_key: string
  published_at: Time
  expires_at: Time
  /** The id of the key that seals `content`. */
  key_id: string
  /** The index of the request that published it; null without an exchange, and of an earlier version. */
  record: Whole | null
  /** The event as it was published; null once it was taken back. */
  content: Buffer | null
}

export type SubscriptionRow = {
  id: Generated<Whole>
  type: Whole
  room: string
  subscriber: string
  /** '' for PULL. */
  inbox: string
  /** JSON. */
  filters: string
  /** "<id>/<version>" of the contract under which it was made; '' without one. */
  contract: string
  state: SubscriptionState
  /** The code of what holds it up. */
  error: string
  /** What a refusal of the inbox says: the code that its server gives, and for what. */
  about: string
  /** The last sequence that was looked at, and the last that was given out; 0 for none. */
  cursor: Whole
  given: Whole
  /** How often its filter ended with an error, and how often the inbox had another event by the same name. */
  filter_errors: Whole
  reused: Whole
  /** Failures in a row, and when it is looked at again. */
  failures: Whole
  due_at: string
  /**
   * How secret the contracts were under which it was made and given events; null while that is not known, of
   * a row of an earlier version.
   */
  secrecy: Whole | null
  /** The index of the record that made or last changed it. */
  record: Whole
  created_at: Time
  changed_at: Time
  claimed_by: string
  claimed_until: string
}

/** An event that a PULL subscription was given and has not confirmed. */
export type PullRow = {
  subscription: Whole
  sequence: Whole
  /** What the subscription was given before; 0 for nothing. */
  after: Whole
  /** What is kept in order: a keyed hash of the partition key; of an event without one its sequence. */
  lane: string
  leased_until: string
}

export type Tables = {
  room_type: TypeRow
  room_source: SourceRow
  room_event: EventRow
  room_subscription: SubscriptionRow
  room_pull: PullRow
}
