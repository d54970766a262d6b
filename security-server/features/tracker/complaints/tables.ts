/**
 * The rows of complaints. Identifiers are in text form, times in ISO form, '' where there is none; numbers
 * may come back as texts.
 */
import type { Generated, Selectable } from 'kysely'
import type { ComplaintFinding, ComplaintReason, ComplaintState, UsageRole } from '#schemas/find-usage.ts'
import type { Time, Whole } from '#schemas/sent-values.ts'

type ComplaintRow = {
  id: Generated<Whole>
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
  record: Whole
  told_in: Whole
  use_client: string
  use_service: string
  /** "<id>/<version>" */
  use_contract: string
  use_role: UsageRole
  use_at: Time
  message_id: string
  request_id: string
  reason: ComplaintReason
  wants_answer: Whole
  state: ComplaintState
  opened_at: Time
  seen_at: Time | ''
  answered_at: Time | ''
  closed_at: Time | ''
  /** When an answer is due. */
  due_at: Time
  finding: ComplaintFinding | ''
  changed_at: Time
  assignee: string | null
}

export type StoredComplaint = Selectable<ComplaintRow>

export type TextRow = {
  complaint: Whole
  position: Whole
  written_by: 'person' | 'agency'
  /** The auditor; people are not told who. */
  author: string
  /** The client's own id for the message that brought it. */
  asked_id: string
  written_at: Time
  key_id: string
  /** Sealed; null when the key was lost. */
  content: Buffer | null
}

export type StormRow = { day: string; client: string; refused: Whole }

export type Tables = { complaint: ComplaintRow; complaint_text: TextRow; complaint_storm: StormRow }
