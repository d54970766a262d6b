/** The parts of the server that show the result of a restore. */
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { PeopleStore } from '#platform/people/store.ts'

export type Needs = {
  audit: AuditLog
  people: Pick<PeopleStore, 'find'>
}
