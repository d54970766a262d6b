/** What the feature needs: who may come in after a restore, and what makes a backup. */
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { PeopleStore } from '#platform/people/store.ts'

export type Needs = {
  audit: AuditLog
  people: Pick<PeopleStore, 'find'>
}
