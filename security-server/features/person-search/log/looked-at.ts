/** What the index by person notes of a record that it looked at. */

/**
 * What became of a record. `indexed` and `not_personal` are covered. `undeclared`: nobody said where; `contract_unknown`: its contract
 * may have said it, and is not known here; `absent`: nothing stands
 * there; `unreadable`: what stands there is no identifier; `too_many`: more than are indexed of one message; `too_large`: its
 * body; `not_kept`: the log level, or an erasure, or it was refused before it was logged; `key_destroyed`: of its month;
 * `refused`: by the key holder; `erased`: it was indexed, and what led to it went with an erasure that left nothing but its
 * leaf. Those of replies have `reply_` before them.
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

/** One record that was looked at. */
export type LookedAt = {
  idx: number
  /** UTC, of its time. */
  day: string
  /** '' where it is hidden. */
  service: string
  /** Undefined where there is nothing to count. */
  reason: SubjectReason | undefined
  entries: string[]
  /** Of the key that they were made with. */
  keyId: string
}
