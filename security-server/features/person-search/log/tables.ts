import type { IndexTables } from '../../../reading/index/tables.ts'

/** The tables of the index by person in the log's database; migrations/ makes them, docs/message-log-format.md describes them. */
export type SubjectTables = IndexTables & {
  /** `key`: a hash of service and reason, which may be longer than an index takes. */
  subject_count: {
    day: string
    key: Buffer
    service: string
    reason: string
    records: number
    first_idx: number
    last_idx: number
  }
  /** The same by month. */
  subject_total: { month: string; reason: string; records: number }
  /** `key_id`: of the key that the month's entries were made with, '' where nobody noted it; `forgotten`: 1 when they are gone. */
  subject_month: { month: string; key_id: string; records: number; forgotten: number }
}
