/** The part of reconciliation that people see, and the parts of the server that its operations use. */
import type { Clock } from '#platform/clock.ts'
import type { ServerId } from '#schemas/identifiers.ts'
import type { Time, Whole } from '#schemas/sent-values.ts'

/**
 * A day that is compared with another server, as it is stored: identifiers as text, JSON as text, empty text
 * for a missing value.
 */
export type ReconciledDay = {
  id: Whole
  day: string
  own_member: string
  peer_member: string
  peer_server: string
  state: string
  statement: string
  counts: string
  error: string
  attempts: Whole
  changed_at: Time
}
export type CaseState = 'open' | 'explained' | 'closed'
export type ReconciliationCase = {
  id: Whole
  reconciliation: Whole
  state: string
  request_id: string
  finding: string
  own_proof: string
  peer_proof: string
  peer_proof_holds: number
  note: string
  opened_at: Time
  changed_at: Time
  changed_by: string
  assignee: string | null
}
type ReconciliationFilter = {
  clearance: number
  before?: number
  limit: number
  day?: string
  member?: string
  state?: string
}

/** The operations of people on reconciliation. `get` and `getCase` throw `not_found`. */
export type PeoplesReconciliation = {
  days: {
    list(q: ReconciliationFilter): Promise<ReconciledDay[]>
    get(id: number, clearance: number): Promise<ReconciledDay>
  }
  cases: {
    listCases(
      q: ReconciliationFilter & { requestId?: string; assignee?: string },
    ): Promise<{ of: ReconciledDay; found: ReconciliationCase }[]>
    getCase(id: number, clearance: number): Promise<ReconciliationCase>
    changeCase(id: number, q: { state: string; note: string; by: string; now: string }): Promise<void>
    assign(id: number, assignee: string | null): Promise<void>
    open(): Promise<{ cases: number; unanswered: number }>
  }
}

export type Needs = {
  server: ServerId
  clock: Clock
  contentRequests: { isRequired: boolean }
  reconciliation: PeoplesReconciliation
}
