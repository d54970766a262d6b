/** Which acts since a revision are not its own: somebody changed by hand what its file could have declared. Pure. */
import type { AuditEntry } from '#platform/audit-log/create-audit-log.ts'
import type { RevisionRow } from './store.ts'

/** An act is the revision's own while it is applied by its caller, and later when a second person approves what it proposed. */
export function isOwn(
  { audit_sequence, caller_id, end_sequence, reason }: RevisionRow,
  { sequence, caller, data }: AuditEntry,
): boolean {
  if (sequence <= audit_sequence) return true
  if (caller.id !== caller_id) return false
  const { proposal, reason: proposedFor } = (data ?? {}) as { proposal?: unknown; reason?: unknown }
  if (proposal !== undefined) return proposedFor === reason
  return end_sequence === null || sequence < end_sequence
}
