/** What a security server asks the holder of its subject keys, and what it gets; subject-keys-api.yaml has the same as OpenAPI. */

/** What is to be evaluated for one record. */
export type SubjectQuestion = {
  index: number
  /** `2026-11`, of the record's time. */
  month: string
  subjects: { type: string; identifier: string }[]
}

/** Hexadecimal hashes in the order of what was asked and the id of the key that made them, or why there are none. */
export type SubjectEvaluation =
  | { index: number; hashes: string[]; keyId: string }
  | { index: number; without: 'destroyed' | 'refused' }

export type SubjectSearch = {
  type: string
  identifier: string
  case: string
  reason: string
  person: { id: string; name: string }
  /** Months, both included. */
  from?: string | undefined
  to?: string | undefined
}

export type SubjectMonths = {
  /** Of the months that have a key, oldest first; a hash finds what was indexed with the key of that id. */
  months: { month: string; hash: string; keyId: string }[]
  /** Months whose key was destroyed. */
  destroyed: string[]
  /** Of months before this one nothing can be found. */
  oldestKept: string
}
