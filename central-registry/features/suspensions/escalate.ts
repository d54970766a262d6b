/**
 * Guarantees that a suspension by one person is announced repeatedly until a second person confirms or lifts
 * it: in the log, in the audit log and, if configured, to the operator's webhook.
 */
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Clock } from '#platform/clock.ts'
import type { JobHandler } from '#platform/jobs/create-jobs.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { PostNotice } from '../../members/webhooks/client.ts'
import { encodedSubject, isToBeAnnounced } from './rules.ts'
import type { SuspensionStore } from './store.ts'

export const ESCALATE = 'announce-unconfirmed-suspensions'
export const ESCALATE_SECONDS = 60

/**
 * A notice may arrive twice. When the webhook fails, so does the job, so that the failure is visible and the
 * notice is repeated.
 */
export function createEscalation(rooms: {
  store: Pick<SuspensionStore, 'unconfirmed' | 'announced'>
  audit: Pick<AuditLog, 'before'>
  post: PostNotice
  webhook: string | undefined
  clock: Clock
  log: Log
}): JobHandler {
  return async ({ signal }) => {
    for (const row of await rooms.store.unconfirmed()) {
      if (!isToBeAnnounced(row, rooms.clock())) continue
      const notice = {
        suspension: row.id,
        kind: row.kind,
        subject: encodedSubject(row),
        suspendedAt: row.suspended_at,
        suspendedBy: row.suspended_by_name,
        announcement: row.escalations + 1,
      }
      rooms.log.warn(notice, 'a suspension waits for a second person to confirm it')
      if (rooms.webhook !== undefined) await rooms.post(rooms.webhook, notice, signal)
      await rooms.audit.before({
        caller: { id: '', name: 'registry' },
        operation: 'suspensionAnnounced',
        target: `/api/v1/suspensions/${row.id}`,
        data: { announcement: notice.announcement },
      })
      await rooms.store.announced(row, new Date(rooms.clock()).toISOString())
    }
  }
}
