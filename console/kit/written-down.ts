/**
 * Questions that a security server writes down as a look of the person who asks: a page asks them when
 * somebody does something, and never by itself.
 */
export const WRITTEN_DOWN: ReadonlySet<string> = new Set([
  'findErasureOrders',
  'findExchanges',
  'findLegalHolds',
  'findRecords',
  'findSubjectRecords',
  'getAuditOrder',
  'getAuditOrders',
  'getComplaint',
  'getComplaints',
  'getConsentByNumber',
  'getContentRequests',
  'getDailyCount',
  'getDailyCounts',
  'getExchange',
  'getLegalHold',
  'getPreviewByNumber',
  'getReconciliationCase',
  'getReconciliationCases',
  'getReconciliations',
  'getRecord',
  'getRecordContent',
  'getServiceTraffic',
  'getTrackerExceptions',
  'getTraffic',
  'verifyExchange',
])
