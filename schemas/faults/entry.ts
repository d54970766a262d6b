/** One row of the fault catalogue. */
export type FaultEntry = {
  /** HTTP status of the answer. */
  status: number
  /** Who has to act first. It decides the prefix that a consumer's server puts before the code. */
  blame: 'client' | 'server'
  /** The public description of the fault; no full stop. */
  text: string
  /** What to do next; no full stop. */
  remedy: string
  /**
   * When the fault may be reported while a message is processed. Absent: only before the provider's system
   * was called. `after`: only once it may have been called. `either`: the text is true in both cases.
   */
  given?: 'after' | 'either'
}
