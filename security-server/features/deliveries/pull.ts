/**
 * What the own agency's system does with an inbox: it fetches waiting events under a lease, and acknowledges
 * each when it has taken it over. Guarantees that an event is given out again until it was acknowledged, that
 * the events of a lane are given out in order, and that an acknowledgement is a signed receipt in the log.
 */
import { randomUUID } from 'node:crypto'
import type { Receipt } from '#core/delivery/receipt.ts'
import { hasDoubledName } from '#core/events/json-parts.ts'
import { Fault } from '#schemas/fault.ts'
import { parseServerId } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import type { StoredInbox } from './box-store.ts'
import { openFacts } from './facts.ts'
import { giveReceipt, type ReceiptProof } from './give-receipt.ts'
import { type DeliveryRooms, iso } from './rooms.ts'

/** The most octets of events in one answer; one event is always given. */
const MAX_OCTETS = 4 * 1024 * 1024
/** How many events are in memory before their octets are counted. */
const CLAIMED_AT_ONCE = 16

export type Leased = { row: StoredInbox; event: Buffer }

/**
 * Events that are nobody's now, oldest first; `leaseMs` long nobody else gets them. What was given out too
 * often becomes a dead letter.
 */
export async function lease(
  q: { service: string; limit: number; leaseMs: number },
  rooms: DeliveryRooms,
): Promise<Leased[]> {
  const token = `${rooms.node} ${randomUUID()}`
  const given: Leased[] = []
  let octets = 0
  let isFull = false
  for (;;) {
    const claimed = await claimSome({ ...q, token, limit: q.limit - given.length }, rooms)
    if (claimed.length === 0) return given
    for (const row of claimed) {
      isFull ||= row.content === null || (octets > 0 && octets + row.content.length > MAX_OCTETS)
      // Nor what follows it, which may be of its lane.
      if (isFull || row.content === null) await giveBack(row, token, rooms)
      else if (row.attempts > rooms.settings.attempts) await bury(row, token, rooms)
      else {
        const event = rooms.keys.open(`event ${row.delivery}`, row.content)
        // Versions before took such events: a system that cannot read one is given all others without it.
        const isAlone = hasDoubledName(event.toString())
        isFull = isAlone
        if (isAlone && given.length > 0) {
          await giveBack(row, token, rooms)
          continue
        }
        octets += row.content.length
        given.push({ row, event })
      }
    }
    if (isFull || given.length >= q.limit) return given
  }
}

/** Heads of lanes with what waits behind them; few at once, as each may be large. */
async function claimSome(
  q: { service: string; limit: number; leaseMs: number; token: string },
  rooms: DeliveryRooms,
): Promise<StoredInbox[]> {
  const now = rooms.clock()
  const limit = Math.min(q.limit, CLAIMED_AT_ONCE)
  const common = { keys: rooms.keys.known, token: q.token, now: iso(now), until: iso(now + q.leaseMs) }
  const heads = await rooms.inbox.claim({ ...common, of: q.service, limit })
  const claimed: StoredInbox[] = []
  for (const head of heads) {
    if (claimed.length >= limit) {
      await giveBack(head, q.token, rooms)
      continue
    }
    const left = limit - claimed.length - 1
    claimed.push(head, ...(await rooms.inbox.claimBehind({ ...common, head, limit: left })))
  }
  return claimed
}

/**
 * Signs and logs that the event was consumed. Acknowledging it again does nothing. Throws `not_found`, why it
 * can no longer be consumed, and why it cannot be signed or logged now, which counts against no event.
 */
export async function acknowledge(
  q: { service: string; position: number; means: 'pull' | 'push' },
  rooms: DeliveryRooms,
): Promise<{ row: StoredInbox; consumed?: ReceiptProof }> {
  const row = await rooms.inbox.find(q.position)
  if (row === undefined || row.service !== q.service) throw new Fault('not_found', { what: say`this event` })
  if (row.state === 'consumed') return { row }
  if (row.state === 'abandoned') throw new Fault(row.error as Exclude<Receipt['reason'], ''>)
  const { delivery, client, service } = row
  const [facts, peer] = [openFacts(rooms.keys, row), parseServerId(row.peer)]
  const said = { kind: 'consumed', delivery, client, service, facts, arrived: 'yes', peer } as const
  const given = await giveReceipt({ ...said, means: q.means }, rooms).catch(async (cause: unknown) => {
    await rooms.inbox.uncount(row.position).catch(() => undefined)
    throw cause
  })
  const { record: endRecord, proof } = given
  const ended = { state: 'consumed', at: iso(rooms.clock()), error: '', endRecord, drops: true } as const
  if (await rooms.inboxReceipts.end(row, ended, ['waiting', 'dead']))
    return { row: { ...row, state: 'consumed', end_record: endRecord }, consumed: proof }
  return acknowledge(q, rooms)
}

/** What was not given out is as if it had not been claimed. */
function giveBack(row: StoredInbox, token: string, rooms: DeliveryRooms): Promise<void> {
  return rooms.inbox.giveBack(row, { token, dueAt: row.due_at, error: row.error, uncounted: true })
}

async function bury(row: StoredInbox, token: string, rooms: DeliveryRooms): Promise<void> {
  const ended = { state: 'dead', at: iso(rooms.clock()), error: 'not_acknowledged', drops: false } as const
  await rooms.inbox.end(row, ended, { from: ['waiting'], token })
  rooms.log.warn({ delivery: row.delivery }, 'an event that nobody acknowledged went to the dead letters')
}
