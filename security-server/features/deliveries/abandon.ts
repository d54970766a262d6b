/**
 * Guarantees that a delivery which nobody consumed ends with a signed receipt that says why, on the side that
 * gives it up.
 */
import { randomUUID } from 'node:crypto'
import type { Receipt } from '#core/delivery/receipt.ts'
import { parseServerId } from '#schemas/identifiers.ts'
import type { StoredInbox, StoredOutbox } from './box-store.ts'
import { openFacts } from './facts.ts'
import { giveReceipt } from './give-receipt.ts'
import { type DeliveryRooms, iso } from './rooms.ts'

type Reason = Exclude<Receipt['reason'], ''>

const HELD_MS = 10 * 60_000
/** How long a row is left alone that could not be ended, so that others have their turn. */
const LET_GO_MS = 60_000

/**
 * False when it had ended meanwhile, or somebody works on it: what is being sent may arrive. `token` is that
 * of the caller's claim, if it has one. After a crash between its steps it is given up again, with a second
 * receipt.
 */
export async function abandonSent(
  row: StoredOutbox,
  q: { reason: Reason; token?: string },
  rooms: DeliveryRooms,
): Promise<boolean> {
  if (q.token !== undefined) return endSent(row, { reason: q.reason, token: q.token }, rooms)
  return whileHeld(row, rooms.outbox, rooms, (held, token) =>
    endSent(held, { reason: q.reason, token }, rooms),
  )
}

async function endSent(
  row: StoredOutbox,
  { reason, token }: { reason: Reason; token: string },
  rooms: DeliveryRooms,
): Promise<boolean> {
  const { delivery, arrived } = row
  const { client, service } = await rooms.routes.partiesOf(Number(row.route))
  const facts = openFacts(rooms.keys, row)
  const { record: endRecord } = await giveReceipt(
    {
      ...{ kind: 'abandoned', delivery, client, service, facts, reason },
      arrived: arrived === 'yes' ? 'unknown' : arrived,
    },
    rooms,
  )
  const at = iso(rooms.clock())
  const ended = { state: 'abandoned', at, error: reason, arrived, endRecord, drops: true } as const
  return rooms.outbox.end(row, ended, { from: ['waiting', 'dead'], token })
}

/** False also while the event is leased. */
export async function abandonReceived(
  row: StoredInbox,
  reason: Reason,
  rooms: DeliveryRooms,
): Promise<boolean> {
  return whileHeld(row, rooms.inbox, rooms, async (held) => {
    const { delivery, client, service } = held
    const [facts, peer] = [openFacts(rooms.keys, held), parseServerId(held.peer)]
    const { record: endRecord } = await giveReceipt(
      { kind: 'abandoned', delivery, client, service, facts, reason, arrived: 'yes', peer },
      rooms,
    )
    const ended = {
      state: 'abandoned',
      at: iso(rooms.clock()),
      error: reason,
      endRecord,
      drops: true,
    } as const
    return rooms.inboxReceipts.end(held, ended, ['waiting', 'dead'])
  })
}

type Held<Row> = {
  hold(position: number, q: { token: string; now: string; until: string }): Promise<Row | undefined>
  letGo(position: number, q: { token: string; until: string }): Promise<void>
}

async function whileHeld<Row extends { position: number }>(
  { position }: Row,
  box: Held<Row>,
  { node, clock }: DeliveryRooms,
  act: (held: Row, token: string) => Promise<boolean>,
): Promise<boolean> {
  const token = `${node} ${randomUUID()}`
  const held = await box.hold(position, { token, now: iso(clock()), until: iso(clock() + HELD_MS) })
  if (held === undefined) return false
  try {
    return await act(held, token)
  } catch (cause) {
    await box.letGo(position, { token, until: iso(clock() + LET_GO_MS) })
    throw cause
  }
}
