/**
 * What the own agency's system does with an event that it has under a lease, before it acknowledges: it keeps
 * it longer, or gives it back. Guarantees that only the lease under which an event is out changes that, and
 * that no event is given back without those that follow it in its lane.
 */
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { StoredInbox } from './box-store.ts'
import { type DeliveryRooms, iso } from './rooms.ts'

type Held = { service: string; position: number; leaseId: string }

/** Nobody else gets the event for `leaseMs` from now. Throws `not_found`, `lease_lost`. */
export async function renew(q: Held & { leaseMs: number }, rooms: DeliveryRooms): Promise<string> {
  const row = await heldRow(q, rooms)
  const until = iso(rooms.clock() + q.leaseMs)
  if (!(await rooms.inbox.extend(row.position, { token: row.claimed_by, until })))
    throw new Fault('lease_lost')
  return until
}

/**
 * The event is nobody's, and due again after `delayMs`; `isUntouched` when that was no attempt. Resolves to
 * the positions of all that went back. Throws `not_found`, `lease_lost`.
 */
export async function giveBack(
  q: Held & { delayMs: number; isUntouched: boolean },
  rooms: DeliveryRooms,
): Promise<number[]> {
  const row = await heldRow(q, rooms)
  const dueAt = q.delayMs === 0 ? row.due_at : iso(rooms.clock() + q.delayMs)
  const returned = await rooms.inbox.giveBackWithLane(row, {
    ...{ token: row.claimed_by, dueAt, uncounted: q.isUntouched },
  })
  if (returned.length === 0) throw new Fault('lease_lost')
  return returned
}

/**
 * A claim is written as the node that gave it, a space and the id of the lease: any node may be asked about
 * it.
 */
async function heldRow({ service, position, leaseId }: Held, rooms: DeliveryRooms): Promise<StoredInbox> {
  const row = await rooms.inbox.find(position)
  if (row === undefined || row.service !== service) throw new Fault('not_found', { what: say`this event` })
  if (row.state !== 'waiting' || leaseIdOf(row) !== leaseId) throw new Fault('lease_lost')
  return row
}

/** What the system is told of its claim. */
export function leaseIdOf({ claimed_by: token }: Pick<StoredInbox, 'claimed_by'>): string {
  return token.slice(token.lastIndexOf(' ') + 1)
}
