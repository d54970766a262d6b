/**
 * Asks inboxes what became of messages whose receipts have not come. Guarantees that `delivered` ends
 * truthfully: with a receipt, or as `unconfirmed` when the inbox says in a signed reply that it does not know
 * the message any more, or says nothing for months. That nobody consumed it is never concluded.
 */
import { asFault } from '#schemas/fault.ts'
import { askInbox } from './ask-receipts.ts'
import type { StoredOutbox } from './box-store.ts'
import { MOST_ASKED } from './receipts-page.ts'
import { type DeliveryRooms, iso } from './rooms.ts'
import { LONGEST_UNASKED_MS } from './tables.ts'
import { OURS, takeReceipts } from './take-receipts.ts'

const DAY_MS = 86_400_000
/** Receipts usually come on their own; a system may take its time. */
const FIRST_ASKED_MS = DAY_MS
const UNANSWERED_MS = 90 * DAY_MS

/** Each look asks of what is due; `signal` ends it between two exchanges. */
export async function askStates(rooms: DeliveryRooms, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const now = rooms.clock()
    const due = await rooms.outbox.unanswered({
      before: iso(now - FIRST_ASKED_MS),
      now: iso(now),
      limit: MOST_ASKED,
    })
    if (due.length === 0) return
    const byRoute = Map.groupBy(due, ({ route }) => Number(route))
    for (const [route, rows] of byRoute) if (!signal.aborted) await askOf(route, rows, rooms)
  }
}

async function askOf(routeId: number, rows: StoredOutbox[], rooms: DeliveryRooms): Promise<void> {
  const route = { id: routeId, ...(await rooms.routes.partiesOf(routeId)) }
  let unknown: { ids: ReadonlySet<string>; record: number } = { ids: new Set(), record: 0 }
  try {
    const query = new URLSearchParams(rows.map(({ delivery }) => ['of', delivery]))
    const { page, record } = await askInbox(query.toString(), route, rooms)
    // Those that cannot be judged now come again with the next answer.
    await takeReceipts(page, route, rooms)
    const ids = Object.entries(page.states ?? {}).flatMap(([id, state]) => (state === 'unknown' ? [id] : []))
    unknown = { ids: new Set(ids), record }
  } catch (cause) {
    const { code, detail } = asFault(cause)
    if (OURS.has(code)) throw cause
    rooms.log.warn({ outcome: code, detail }, 'an inbox was asked in vain what became of messages')
  }
  for (const row of rows) await conclude(row, unknown, rooms)
}

/** Does nothing to a row that a receipt has ended meanwhile. */
async function conclude(
  row: StoredOutbox,
  unknown: { ids: ReadonlySet<string>; record: number },
  rooms: DeliveryRooms,
): Promise<void> {
  const now = rooms.clock()
  const age = now - Date.parse(row.changed_at)
  const isUnknown = unknown.ids.has(row.delivery)
  if (!isUnknown && age < UNANSWERED_MS) {
    await rooms.outbox.askLater(row.position, iso(now + Math.min(Math.max(age, DAY_MS), LONGEST_UNASKED_MS)))
    return
  }
  const ended = { state: 'unconfirmed', at: iso(now), drops: true } as const
  await rooms.outbox.end(
    row,
    isUnknown
      ? { ...ended, error: 'receipt_unknown', endRecord: unknown.record }
      : { ...ended, error: 'receipt_overdue' },
    { from: ['delivered'] },
  )
}
