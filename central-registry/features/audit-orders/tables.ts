/** Row types of audit orders and of each server's answer. */

import type { Time, Uuid, Whole } from '#schemas/sent-values.ts'
import type { RegisterTables } from '../../register/tables.ts'

export type AuditOrderRow = {
  id: Uuid
  sha256: string
  /** The JWS as it was filed. */
  document: string
  authority: string
  case_number: string
  deadline: Time
  received_at: Time
  received_by: string
}

export type AuditOrderServerRow = {
  order_id: string
  server: string
  seed: string | null
  outcome: string | null
  reason: string | null
  matched: Whole | null
  answer: string | null
  answered_at: Time | null
}

type AuditOrderTables = {
  audit_order: AuditOrderRow
  audit_order_server: AuditOrderServerRow
}

/** The tables that this feature's stores use. */
export type Tables = RegisterTables & AuditOrderTables
