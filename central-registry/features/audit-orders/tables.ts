/** Row types of audit orders and of each server's answer. */
import type { RegisterTables } from '../../register/tables.ts'

export type AuditOrderRow = {
  id: string
  sha256: string
  /** The JWS as it was filed. */
  document: string
  authority: string
  case_number: string
  deadline: string
  received_at: string
  received_by: string
}

export type AuditOrderServerRow = {
  order_id: string
  server: string
  seed: string | null
  outcome: string | null
  reason: string | null
  matched: number | null
  answer: string | null
  answered_at: string | null
}

type AuditOrderTables = {
  audit_order: AuditOrderRow
  audit_order_server: AuditOrderServerRow
}

/** The tables that this feature's stores use. */
export type Tables = RegisterTables & AuditOrderTables
