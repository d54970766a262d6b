/** The rows of complaints. Identifiers are in text form, times in ISO form, '' where there is none; numbers may come back as texts. */
import type { Generated, Selectable } from 'kysely'
import type { ComplaintFinding, ComplaintReason, ComplaintState, UsageRole } from '#schemas/find-usage.ts'

type ComplaintRow = {
  id: Generated<number>
  /** What people call it by. */
  number: string
  /** Of which the complained of use is. */
  subsystem: string
  /** The person, as the newest month of the index has them. */
  subject: string
  /** The client that brought it, and its own id for its message. */
  asked_by: string
  asked_id: string
  /** The index of the request that is complained of, and of the message that brought the complaint. */
  record: number
  told_in: number
  use_client: string
  use_service: string
  /** "<id>/<version>" */
  use_contract: string
  use_role: UsageRole
  use_at: string
  message_id: string
  request_id: string
  reason: ComplaintReason
  wants_answer: number
  state: ComplaintState
  opened_at: string
  seen_at: string
  answered_at: string
  closed_at: string
  /** When an answer is due. */
  due_at: string
  finding: ComplaintFinding | ''
  changed_at: string
  assignee: string | null
}

export type StoredComplaint = Selectable<ComplaintRow>

export type TextRow = {
  complaint: number
  position: number
  written_by: 'person' | 'agency'
  /** The auditor; people are not told who. */
  author: string
  /** The client's own id for the message that brought it. */
  asked_id: string
  written_at: string
  key_id: string
  /** Sealed; null when the key was lost. */
  content: Buffer | null
}

export type StormRow = { day: string; client: string; refused: number }

export type Tables = { complaint: ComplaintRow; complaint_text: TextRow; complaint_storm: StormRow }
