/** One row of the fault catalogue. */
export type FaultEntry = {
  /** HTTP status of the answer. */
  status: number
  /** Who has to act first; it decides the prefix that a consumer's server puts before the code. */
  blame: 'client' | 'server'
  /** What is wrong, for everybody to read; no full stop. */
  text: string
  /** What to do next; no full stop. */
  remedy: string
  /**
   * When it is given on the way of a message. Absent: only while the provider's system was not called. `after`: only once it may
   * have been. `either`: the text is true of both.
   */
  given?: 'after' | 'either'
}
