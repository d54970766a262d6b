/** What an auditor must look at in the log. Pure. */
import type { Tone } from '../../kit/status.tsx'
import type { TextKey } from '../../kit/text.ts'
import { type Filed, isOpen } from '../requests/filed.tsx'

export type LogState = {
  server: string
  now: string
  records: number
  oldestUnstamped: string | null
  treeHead: string | null
  checkpoint: { size: number; time: string } | null
  /** Null while the log's database does not answer. */
  today: { exchanges: number; failed: number } | null
  contradictions: number | null
  openCases: number
  contentRequests: number
  /** Of this reader, for which another auditor has to decide. */
  ownContentRequests: number
  /** Audit orders that wait for a decision of this reader, and those of them whose deadline is over. */
  auditOrders: number
  overdueAuditOrders: number
  /** The last verification found that the log is not intact. */
  broken: boolean
}

export type Waiting = {
  what: TextKey
  values: Record<string, string | number>
  tone: Tone
  to: string
  /** Shown only to callers of this operation, who can do something about it. */
  needs: string
}

const MINUTE_MS = 60_000
/** The jobs make a checkpoint every few seconds when there are new records. */
const CHECKPOINT_LATE_MS = 10 * MINUTE_MS
/** Twice the usual interval of time-stamps. */
const STAMP_LATE_MS = 10 * MINUTE_MS
/** An hour before X-Road's limit of four hours, after which exchange stops. */
const STAMP_URGENT_MS = 180 * MINUTE_MS

/** The most urgent first. */
export function waitingOf(state: LogState): Waiting[] {
  const { records, oldestUnstamped, checkpoint, contradictions, openCases } = state
  const { contentRequests, ownContentRequests, auditOrders, overdueAuditOrders } = state
  const now = Date.parse(state.now)
  const needs = 'getTreeHeads'
  const found: Waiting[] = []
  if (oldestUnstamped !== null) {
    const age = now - Date.parse(oldestUnstamped)
    const minutes = Math.floor(age / MINUTE_MS)
    if (age > STAMP_LATE_MS) {
      const tone = age > STAMP_URGENT_MS ? 'bad' : 'warn'
      found.push({ what: 'home.unstamped', values: { minutes }, tone, to: '/integrity', needs })
    }
  }
  const behind = records - (checkpoint?.size ?? 0)
  if (behind > 0 && (checkpoint === null || now - Date.parse(checkpoint.time) > CHECKPOINT_LATE_MS)) {
    found.push({
      what: 'home.noCheckpoint',
      values: { count: behind },
      tone: 'warn',
      to: '/integrity',
      needs,
    })
  }
  if (state.broken)
    found.push({
      what: 'home.broken',
      values: {},
      tone: 'bad',
      to: '/verification',
      needs: 'getVerifications',
    })
  for (const [what, count, tone, to, operation] of [
    ['home.contradictions', contradictions ?? 0, 'bad', '/witnesses', 'getLogWitnesses'],
    ['home.cases', openCases, 'warn', '/cases?state=open', 'getReconciliationCases'],
    [
      'home.overdueAuditOrders',
      overdueAuditOrders,
      'bad',
      '/audit-orders?state=waiting',
      'approveAuditOrder',
    ],
    [
      'home.auditOrders',
      auditOrders - overdueAuditOrders,
      'warn',
      '/audit-orders?state=waiting',
      'approveAuditOrder',
    ],
    [
      'home.contentRequests',
      contentRequests,
      'warn',
      '/content-requests?state=waiting',
      'grantContentRequest',
    ],
    [
      'home.ownContentRequests',
      ownContentRequests,
      'quiet',
      '/content-requests?state=waiting',
      'askForContent',
    ],
  ] as const)
    if (count > 0) found.push({ what, values: { count }, tone, to, needs: operation })
  return found.toSorted((a, b) => Number(b.tone === 'bad') - Number(a.tone === 'bad'))
}

/**
 * `proposed` counts all proposals: what does not wait for a member of this server waits for somebody else.
 */
export function contractsWaiting(q: {
  toAccept: number
  toEnd: number
  unconfirmed: number
  proposed: number
}): Waiting[] {
  const all: [Waiting['what'], number, string, string][] = [
    ['home.contracts', q.toAccept, '/contracts?waiting=true', 'acceptContract'],
    ['home.toEnd', q.toEnd, '/contracts?ending=true', 'terminateContract'],
    ['home.contacts', q.unconfirmed, '/contracts?unconfirmed=true', 'confirmContact'],
    [
      'home.ownContracts',
      Math.max(0, q.proposed - q.toAccept),
      '/contracts?state=PROPOSED',
      'proposeContract',
    ],
  ]
  return all.flatMap(([what, count, to, needs]) => {
    const tone = what === 'home.ownContracts' ? ('quiet' as const) : ('warn' as const)
    return count === 0 ? [] : [{ what, values: { count }, tone, to, needs }]
  })
}

export function deliveriesWaiting(dead: { outbox: number; inbox: number }): Waiting[] {
  const all: [Waiting['what'], number, string][] = [
    ['home.deadSent', dead.outbox, '/deliveries?state=dead'],
    ['home.deadReceived', dead.inbox, '/deliveries/received?state=dead'],
  ]
  return all.flatMap(([what, count, to]) =>
    count === 0 ? [] : [{ what, values: { count }, tone: 'bad' as const, to, needs: 'redriveDeliveries' }],
  )
}

/** What is suspended is tried again by itself; what lapsed waits for a person. */
export function subscriptionsWaiting(counts: { lapsed: number; suspended: number }): Waiting[] {
  const all: [Waiting['what'], number, Tone, string, string][] = [
    ['home.lapsed', counts.lapsed, 'bad', '/rooms/subscriptions?state=lapsed', 'endSubscription'],
    [
      'home.suspended',
      counts.suspended,
      'warn',
      '/rooms/subscriptions?state=suspended',
      'resumeSubscription',
    ],
  ]
  return all.flatMap(([what, count, tone, to, needs]) =>
    count === 0 ? [] : [{ what, values: { count }, tone, to, needs }],
  )
}

const DECLINED_SHOWN_MS = 7 * 24 * 60 * MINUTE_MS

/**
 * What this server asked of the registry: what was declined lately and not asked again, and what is not
 * decided yet.
 */
export function requestsWaiting(filed: Filed[], now: number): Waiting[] {
  const isAskedAgain = (one: Filed): boolean =>
    filed.some(
      ({ request, kind, clientId }) =>
        request > one.request && kind === one.kind && clientId === one.clientId,
    )
  const declined = filed.filter(
    (one) =>
      one.state === 'DECLINED' &&
      now - Date.parse(one.decidedAt ?? one.filedAt) < DECLINED_SHOWN_MS &&
      !isAskedAgain(one),
  )
  const all: [Waiting['what'], number, Tone, string][] = [
    ['home.declinedRequests', declined.length, 'warn', '/requests?state=DECLINED'],
    ['home.requests', filed.filter(isOpen).length, 'quiet', '/requests'],
  ]
  return all.flatMap(([what, count, tone, to]) =>
    count === 0 ? [] : [{ what, values: { count }, tone, to, needs: 'revokeManagementRequest' }],
  )
}

/** What people complained of: late first. */
export function complaintsWaiting({ open, late }: { open: number; late: number }): Waiting[] {
  const needs = 'answerComplaint'
  const found: Waiting[] = []
  if (late > 0)
    found.push({
      ...{ what: 'home.lateComplaints', values: { count: late }, tone: 'bad', needs },
      to: '/complaints?late=true',
    })
  if (open > late)
    found.push({
      what: 'home.complaints',
      values: { count: open - late },
      tone: 'warn',
      to: '/complaints?state=open',
      needs,
    })
  return found
}

/** What waits for a second person: to decide for this reader, and what this reader proposed. */
export function proposalsWaiting({ toDecide, own }: { toDecide: number; own: number }): Waiting[] {
  const needs = 'approveProposal'
  const found: Waiting[] = []
  if (toDecide > 0)
    found.push({ what: 'home.proposals', values: { count: toDecide }, tone: 'warn', to: '/proposals', needs })
  if (own > 0)
    found.push({
      ...{ what: 'home.ownProposals', values: { count: own }, tone: 'quiet', needs },
      to: '/proposals?view=mine',
    })
  return found
}
