/**
 * A security server's questions to the holder of its subject keys, and the answers; subject-keys-api.yaml has
 * the same as OpenAPI.
 */
import type { Whole } from './sent-values.ts'

/**
 * The header of each request: the milliseconds since 1970 for which the registry, or a time-stamping
 * authority, signed something that the server has verified.
 */
export const SIGNED_TIME = 'signed-time'

/** The identifiers of one record that are to be evaluated. */
export type SubjectQuestion = {
  index: Whole
  /** The month of the record's time, such as `2026-11`. */
  month: string
  subjects: { type: string; identifier: string }[]
}

/**
 * Hexadecimal hashes in the order of the question with the id of the key that made them, or why there are
 * none.
 */
export type SubjectEvaluation =
  | { index: number; hashes: string[]; keyId: string }
  | { index: number; without: 'destroyed' | 'refused' }

export type SubjectSearch = {
  type: string
  identifier: string
  case: string
  reason: string
  person: { id: string; name: string }
  /** First and last month, both included. */
  from?: string | undefined
  to?: string | undefined
}

/**
 * The question of a tracker about the person who asks it. `client`: the subsystem through which they ask, in
 * text form.
 */
export type SubjectLookUp = {
  type: string
  identifier: string
  client: string
  /** First and last month, both included. */
  from?: string | undefined
  to?: string | undefined
}

export type SubjectMonths = {
  /**
   * The months that have a key, oldest first. A hash finds only records that were indexed with the key of
   * that id.
   */
  months: { month: string; hash: string; keyId: string }[]
  /** Months whose key was destroyed. */
  destroyed: string[]
  /** The oldest month in which anything can be found. */
  oldestKept: string
}
