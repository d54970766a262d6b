/**
 * Audit orders for auditors: what an authority ordered, what the server answered, and the decision if the
 * policy wants one.
 */
import { readableOrder } from '#core/audit-order/read-order.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import { listAnswer } from '#platform/http-service/list-answer.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import { kept } from '#schemas/said.ts'
import type { Clearance } from '../../message-log/record-input.ts'
import { clearanceOf } from '../../reading/readable-log.ts'
import type { Needs } from './needs.ts'
import type { AuditOrderRow } from './store.ts'
import { mayDecide, twoPeople } from './two-people.ts'

/**
 * How many orders wait for a decision of this caller, and of how many the deadline is over; none for who may
 * not decide.
 */
export async function ordersWaitingFor(
  caller: Pick<Caller, 'id' | 'roles'>,
  { auditOrders, clock }: Pick<Needs, 'auditOrders' | 'clock'>,
): Promise<{ waiting: number; overdue: number }> {
  if (!mayDecide(caller)) return { waiting: 0, overdue: 0 }
  return auditOrders.store.waiting({ caller: caller.id, now: new Date(clock()).toISOString() })
}

export function auditOrderHandlers(rooms: Needs): Handlers {
  const { auditOrders, clock, contentRequests } = rooms
  const viewFor = (caller: Caller) => (row: AuditOrderRow) =>
    auditOrderView(row, {
      ...{ now: new Date(clock()).toISOString(), clearance: clearanceOf(caller) },
      decides: mayDecide(caller),
    })
  const idOf = (params: Record<string, string>): string => params['id']!.toLowerCase()
  return {
    getAuditOrders: async ({ query, caller }) => {
      const { offset, limit, state } = query as { offset: number; limit: number; state?: string }
      const rows = await auditOrders.store.list({ offset, limit, ...(state && { state }) })
      return listAnswer(rows.map(viewFor(caller)), { offset, limit }, () => auditOrders.store.count(state))
    },
    getAuditOrder: async ({ params, caller }) => viewFor(caller)(await auditOrders.store.get(idOf(params))),
    approveAuditOrder: async ({ params, caller }) =>
      viewFor(caller)(
        await auditOrders.approve(
          idOf(params),
          caller,
          contentRequests.isRequired ? twoPeople(caller, rooms) : undefined,
        ),
      ),
    refuseAuditOrder: async ({ params, body, caller }) => {
      const { reason } = body as { reason: string }
      return viewFor(caller)(await auditOrders.refuse(idOf(params), reason, caller))
    },
  }
}

/**
 * An order as the caller may see it. Numbers that count secret records are shown only with the clearance for
 * them; the reason of a refusal only to people who may decide about orders.
 */
function auditOrderView(
  row: AuditOrderRow,
  { now, clearance, decides }: { now: string; clearance: Clearance; decides: boolean },
) {
  const isHidden = Number(row.clearance) > clearance
  const order = readableOrder(JSON.parse(row.document))
  const isOpen = row.state !== 'answered' && row.state !== 'refused'
  return {
    ...{ id: row.id, sha256: row.sha256, authority: row.authority, case: row.case_number },
    // An order in a newer form is shown without its content, because this version might misread it.
    ...{ legalBasis: order?.legalBasis ?? null, scope: order?.scope ?? null, sample: order?.sample ?? null },
    ...{ createdAt: order?.createdAt ?? null, deadline: row.deadline, receivedAt: row.received_at },
    state: row.state,
    overdue: isOpen && row.deadline <= now,
    ...{ decidedBy: row.decided_by, decidedAt: row.decided_at },
    ...{ agreedBy: row.agreed_by_name, agreedAt: row.agreed_at, reason: decides ? kept(row.reason) : null },
    error: isHidden ? null : kept(row.error),
    matched: isHidden || row.matched === null ? null : Number(row.matched),
    drawn: isHidden || row.sample === null ? null : (JSON.parse(row.sample) as number[]),
    answeredAt: row.answered_at,
  }
}
