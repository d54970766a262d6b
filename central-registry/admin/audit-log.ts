/**
 * Handlers of the operations on the audit log: read it, export it, verify it against the heads in the
 * transparency log.
 */
import type { AuditHead, AuditLog } from '#platform/audit-log/create-audit-log.ts'
import { exportAuditLog } from '#platform/audit-log/export-audit-log.ts'
import type { AuditFilter } from '#platform/audit-log/store.ts'
import { answer } from '#platform/http-service/answer.ts'
import { listAnswer } from '#platform/http-service/list-answer.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { isoTime } from './time-input.ts'

export function auditLogHandlers({
  audit,
  transparencyLog,
}: {
  audit: AuditLog
  /** `auditHeads`: the audit log's heads that the transparency log has recorded. */
  transparencyLog: { auditHeads(): AsyncIterable<AuditHead> }
}): Record<string, OperationHandler> {
  return {
    getAuditLog: async ({ query }) => {
      const { offset, limit, ...given } = query as AuditFilter & { offset: number; limit: number }
      const filter = { ...given, from: isoTime(given.from), until: isoTime(given.until) }
      const page = { offset, limit }
      return listAnswer(await audit.list({ ...filter, ...page }), page, () => audit.count(filter))
    },
    getLastActs: ({ query }) => audit.lastActs(query as { limit: number }),
    exportAuditLog: async ({ query, caller: { id, name } }) => {
      const given = query as Pick<AuditFilter, 'from' | 'until'>
      const filter = { from: isoTime(given.from), until: isoTime(given.until) }
      // Reading a page of the log is not recorded; exporting it is.
      const look = { operation: 'exportAuditLog', target: 'audit log', data: query }
      await audit.before({ caller: { id, name }, ...look })
      const lines = exportAuditLog(audit, filter)
      return answer(lines, { headers: { 'content-disposition': 'attachment; filename="audit-log.ndjson"' } })
    },
    verifyAuditLog: () => audit.verify(transparencyLog.auditHeads()),
  }
}
