import type { IndexTables } from '../../../reading/index/tables.ts'

/**
 * The tables of the index by person in the log's database. migrations/ creates them;
 * docs/message-log-format.md describes them.
 */
export type SubjectTables = IndexTables & {
  /** `key`: a hash of service and reason, whose text may be too long for a database index. */
  subject_count: {
    day: string
    key: Buffer
    service: string
    reason: string
    records: number
    first_idx: number
    last_idx: number
  }
  /** The same counts by month. */
  subject_total: { month: string; reason: string; records: number }
  /**
   * `key_id`: the key with which the month's entries were made; empty text if nobody noted it. `forgotten`: 1
   * when they were deleted.
   */
  subject_month: { month: string; key_id: string; records: number; forgotten: number }
  /** The record that answered a request about people. */
  subject_answer: { idx: number; answer_idx: number; outcome: string }
  /** Questions to trackers. */
  subject_look: { idx: number }
  /** Requests about more people than are indexed, or with such a reply. */
  subject_mass: { idx: number }
  /** `key`: a hash of the columns up to `secrecy`. `contract`: as in `search_terms`. */
  mass_use: {
    month: string
    key: Buffer
    direction: string
    client: string
    service: string
    contract: string
    purpose: string
    secrecy: number
    first_day: string
    last_day: string
    messages: number
  }
}
