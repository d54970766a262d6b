/** Who looks at the message log leaves a record in the audit log before he sees anything: no record, no look. */
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Handlers, OperationInput } from '#platform/http-service/openapi.ts'

/** What is recorded as it was asked, with the id of one thing where there is one; the others record themselves, with more. */
const PLAIN = {
  findErasureOrders: 'erasure orders',
  findLegalHolds: 'legal holds',
  getLegalHold: 'legal hold',
  getContentRequests: 'content requests',
  getReconciliations: 'reconciliations',
  getReconciliationCases: 'reconciliation cases',
  getReconciliationCase: 'reconciliation case',
  downloadReconciliationStatement: 'reconciliation statement',
  getAuditOrders: 'audit orders',
  getAuditOrder: 'audit order',
  exportAuditLog: 'audit log',
} as const
const PLAIN_IDS = Object.keys(PLAIN) as (keyof typeof PLAIN)[]

/** Operations that only look, and are recorded although they change nothing; the audit log can be narrowed to them. */
export const LOOKS = [
  ...PLAIN_IDS,
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

/** The same handlers, of which those that show cases, orders and holds leave a record first. */
export function recordingLooks(handlers: Handlers, audit: AuditLog): Handlers {
  const recording = PLAIN_IDS.map((id): [string, Handlers[string]] => {
    const handler = handlers[id]!
    return [
      id,
      async (input) => {
        await recordLook(audit, id, [PLAIN[id], ...Object.values(input.params)].join(' '), input)
        return handler(input)
      },
    ]
  })
  return { ...handlers, ...Object.fromEntries(recording) }
}
