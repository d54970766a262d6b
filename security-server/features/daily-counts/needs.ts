/** The parts of the server that this feature uses. */
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import type { ReadableLog } from '../../reading/readable-log.ts'

export type Needs = {
  audit: AuditLog
  logFor(caller: Pick<Caller, 'roles'>): ReadableLog
}
