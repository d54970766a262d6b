/** What the index by person stores about a record that it has processed. */

/**
 * The outcome for a record. Covered:
 * - `indexed`; `not_personal`: the call concerns no person.
 * Not covered:
 * - `undeclared`: nobody declared a place; `contract_unknown`: its contract may name one, but this server
 *   does not have it;
 * - `absent`: nothing at the place; `unreadable`: no identifier at the place;
 * - `too_many`: more identifiers than are indexed for one message; `too_large`: its body;
 * - `not_kept`: by the log level or an erasure, or because the message was refused before it was logged;
 * - `key_destroyed`: the key of its month; `refused`: by the key holder;
 * - `erased`: was indexed, and its entries were deleted by an erasure that left only the leaf.
 * For replies the reason begins with `reply_`.
 */
export type SubjectReason = 'indexed' | 'not_personal' | SubjectGap | `reply_${SubjectGap}`
type SubjectGap =
  | 'undeclared'
  | 'contract_unknown'
  | 'absent'
  | 'unreadable'
  | 'too_many'
  | 'too_large'
  | 'not_kept'
  | 'key_destroyed'
  | 'refused'
  | 'erased'

/** One record that was processed. */
export type LookedAt = {
  idx: number
  /** The UTC day of the record's time. */
  day: string
  /** Empty text if the service is hidden. */
  service: string
  /** Undefined when the record is not counted. */
  reason: SubjectReason | undefined
  entries: string[]
  /** Whether it asked a tracker. */
  isLook?: boolean
  /** The id of the key with which the entries were made. */
  keyId: string
}
