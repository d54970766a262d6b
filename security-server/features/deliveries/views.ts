/**
 * Deliveries as operators see them: parties, state, what comes next, the last failure in words. Nothing of
 * the event but its type.
 */
import { isOver } from '#platform/not-before.ts'
import { colonForm } from '#schemas/colon-identifiers.ts'
import { textOfCode } from '#schemas/fault.ts'
import type { Whole } from '#schemas/sent-values.ts'
import type { StoredInbox, StoredOutbox } from './box-store.ts'
import { openFacts } from './facts.ts'
import { type DeliveryRooms, iso } from './rooms.ts'
import { LONGEST_CLAIM_MS, LONGEST_WAIT_MS, type Route } from './tables.ts'

/** What a waiting message waits for; `at` where a time is known. */
type Next = { step: 'SENDING' | 'BEHIND' | 'AT' | 'SOON' | 'FETCHED'; at?: string }

/** `FETCHED`: its system fetches it, whenever it does. */
export function sentView(
  row: StoredOutbox,
  way: Route,
  clearance: number,
  rooms: Pick<DeliveryRooms, 'clock' | 'keys'>,
) {
  const isClosed = row.state === 'waiting' && way.failures > 0
  const due = isClosed && way.next_at > row.due_at ? way.next_at : row.due_at
  return {
    // What is wrong with the way is wrong with all that waits on it.
    ...commonView(row, row.error === '' && isClosed ? way.error : row.error, rooms),
    ...partiesOf({ client: way.client, service: way.service, secrecy: row.secrecy }, clearance),
    arrived: row.arrived,
    next: nextOf(row, due, 'SOON', rooms),
  }
}

export function receivedView(
  row: StoredInbox,
  q: { isPushed: boolean; clearance: number },
  rooms: Pick<DeliveryRooms, 'clock' | 'keys'>,
) {
  return {
    ...commonView(row, row.error, rooms),
    ...partiesOf(row, q.clearance),
    arrived: 'yes',
    next: nextOf(row, row.due_at, q.isPushed ? 'SOON' : 'FETCHED', rooms),
  }
}

/**
 * Not those of a secret contract, to callers who may not see its exchanges; the message can still be sent
 * again or discarded.
 */
function partiesOf(
  { client, service, secrecy }: { client: string; service: string; secrecy: number },
  clearance: number,
) {
  // One of the stores gives numbers as texts.
  if (Number(secrecy) > clearance) return { senderId: null, inboxId: null, isSecret: true }
  return { senderId: colonForm(client), inboxId: colonForm(service), isSecret: false }
}

function commonView(row: StoredOutbox | StoredInbox, error: string, { keys }: Pick<DeliveryRooms, 'keys'>) {
  return {
    ...{ position: row.position, delivery: row.delivery, state: row.state, attempts: row.attempts },
    // Another node may have the key.
    type: keys.known.includes(row.key_id) ? openFacts(keys, row).type : null,
    ...{ since: row.since, changedAt: row.changed_at, error: error === '' ? null : error },
    errorText: textOfCode(error),
    expiresAt: row.expires_at === '' ? null : row.expires_at,
    record: indexOf(row.first_record),
    exchangeRecord: indexOf(row.exchange_record),
    endRecord: indexOf(row.end_record),
  }
}

function nextOf(
  { state, ready, claimed_until: until }: StoredOutbox | StoredInbox,
  due: string,
  otherwise: Next['step'],
  { clock }: Pick<DeliveryRooms, 'clock'>,
): Next | null {
  if (state !== 'waiting') return null
  const now = iso(clock())
  if (!isOver(until, { now, longestMs: LONGEST_CLAIM_MS })) return { step: 'SENDING', at: until }
  if (Number(ready) === 0) return { step: 'BEHIND' }
  return isOver(due, { now, longestMs: LONGEST_WAIT_MS }) ? { step: otherwise } : { step: 'AT', at: due }
}

function indexOf(record: number | null): Whole | null {
  return record === null ? null : Number(record)
}
