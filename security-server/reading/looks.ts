/**
 * Everybody who looks at the message log leaves a record in the audit log first. If it cannot be written,
 * nothing is shown.
 */
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Handlers, OperationInput } from '#platform/http-service/openapi.ts'

/**
 * Operations whose look is recorded with the request's parameters only. The other operations call
 * `recordLook` themselves, with more details.
 */
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
  getTrackerExceptions: 'exceptions of trackers',
  getComplaints: 'complaints',
  getComplaint: 'complaint',
  getConsentByNumber: 'consent',
  getPreviewByNumber: 'preview',
} as const
const PLAIN_IDS = Object.keys(PLAIN) as (keyof typeof PLAIN)[]

/** Operations that change nothing and are recorded all the same. The audit log can be filtered by them. */
export const LOOKS = [
  ...PLAIN_IDS,
  'findRecords',
  'findExchanges',
  'findSubjectRecords',
  'getTraffic',
  'getServiceTraffic',
  'exportServiceTraffic',
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

/**
 * Records a look: `target` says what was looked at. The query is recorded too, with case and reason if the
 * request has them. Throws when the record cannot be written.
 */
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

/** Wraps the handlers of the PLAIN operations, so that each leaves a record before it answers. */
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
