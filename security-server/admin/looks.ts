/** Who looks at the message log leaves a record in the audit log before he sees anything: no record, no look. */
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { OperationInput } from '#platform/http-service/openapi.ts'

/** Operations that only look, and are recorded although they change nothing; the audit log can be narrowed to them. */
export const LOOKS = [
  'findRecords',
  'findSubjectRecords',
  'getTraffic',
  'getDailyCounts',
  'getDailyCount',
  'getRecord',
  'getExchange',
  'verifyExchange',
  'getRecordContent',
  'downloadRecordContainer',
  'downloadEvidenceBundle',
  'downloadExport',
  'downloadArchive',
] as const

/** `target` is what was looked at; the query, with case and reason where there are some, is recorded by itself. */
export async function recordLook(
  audit: AuditLog,
  operation: (typeof LOOKS)[number],
  target: string,
  { caller, query }: Pick<OperationInput, 'caller' | 'query'>,
  more: object = {},
): Promise<void> {
  const data = { ...query, ...more }
  await audit.before({
    caller: { id: caller.id, name: caller.name },
    operation,
    target,
    ...(Object.keys(data).length > 0 && { data }),
  })
}
