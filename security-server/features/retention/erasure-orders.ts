/**
 * Orders to erase, from the audit log. Each was recorded before it was carried out, and a legal hold may have
 * stopped it. An erasure record with the order's case, reason and reference shows that it was carried out;
 * otherwise the content may have been erased by another order or at the end of its time.
 */
import type { AuditEntry, AuditLog } from '#platform/audit-log/create-audit-log.ts'
import { nameOf } from '#platform/people/name-of.ts'
import type { Needs } from './needs.ts'
import type { EndMode } from './retention.ts'

export type ErasureOrder = { case: string; reason: string; reference?: string; mode: EndMode }

type Rooms = Pick<Needs, 'erasuresOf'> & { audit: Pick<AuditLog, 'list'> }

export const ORDERS = ['eraseRecord']
/**
 * The longest time from an order to its erasure: the search index may first have to process all new records.
 */
const CARRIED_OUT_WITHIN_MS = 10 * 60_000
/** How many later orders of the same case are examined. */
const MOST_LATER = 100

export async function erasureOrderView(entry: AuditEntry, rooms: Rooms) {
  const { index, body, at } = orderOf(entry)
  const { case: caseNumber, reason, reference = null, mode } = body
  const { goneAt, said } = await rooms.erasuresOf(index)
  const effective = said.map((one) => effectiveOf(one, { at, body })).find((one) => one !== undefined)
  const isBy = effective !== undefined && !(await isByLater(entry, effective, rooms))
  return {
    ...{ id: entry.sequence, orderedAt: at, orderedBy: nameOf(entry.caller), index },
    ...{ case: caseNumber, reason, reference, mode },
    erasedAt: isBy ? effective : null,
    goneAt,
  }
}

function orderOf({ at, target, data }: AuditEntry): { at: string; index: number; body: ErasureOrder } {
  const { body } = data as { body: ErasureOrder }
  return { at, index: Number(/\/records\/(\d+)\/erase$/.exec(target)?.[1]), body }
}

/** The time of the erasure, if its record can be the result of this order. Otherwise undefined. */
function effectiveOf(
  { effective = '', case: caseNumber, reason, reference }: Record<string, string>,
  { at, body }: { at: string; body: ErasureOrder },
): string | undefined {
  const late = Date.parse(effective) - Date.parse(at)
  const isSame = caseNumber === body.case && reason === body.reason && reference === body.reference
  return isSame && late >= 0 && late <= CARRIED_OUT_WITHIN_MS ? effective : undefined
}

/**
 * Whether a later order caused the erasure. An order that was refused may be repeated with the same words for
 * the same exchange; the last one before the erasure caused it.
 */
async function isByLater(entry: AuditEntry, effective: string, rooms: Rooms): Promise<boolean> {
  const { body } = orderOf(entry)
  const sameCase = { operations: ORDERS, q: body.case, limit: MOST_LATER }
  for (const later of await rooms.audit.list(sameCase)) {
    if (later.sequence <= entry.sequence) return false
    const order = orderOf(later)
    const { said } = await rooms.erasuresOf(order.index)
    if (said.some((one) => one['effective'] === effective && effectiveOf(one, order) !== undefined))
      return true
  }
  return false
}
