/** Guarantees that a delivery which nobody consumed ends with a signed receipt that says why, on the side that gives it up. */
import type { Receipt } from '#core/delivery/receipt.ts'
import { parseServerId } from '#schemas/identifiers.ts'
import type { StoredInbox, StoredOutbox } from './box-store.ts'
import { openFacts } from './facts.ts'
import { giveReceipt } from './give-receipt.ts'
import { type DeliveryRooms, iso } from './rooms.ts'

type Reason = Exclude<Receipt['reason'], ''>

/** False when it had ended meanwhile. After a crash between its steps it is given up again, with a second receipt. */
export async function abandonSent(row: StoredOutbox, reason: Reason, rooms: DeliveryRooms): Promise<boolean> {
  const { delivery, arrived } = row
  const { client, service } = await rooms.routes.find(Number(row.route))
  const facts = openFacts(rooms.keys, row)
  const endRecord = await giveReceipt(
    {
      ...{ kind: 'abandoned', delivery, client, service, facts, reason },
      arrived: arrived === 'yes' ? 'unknown' : arrived,
    },
    rooms,
  )
  const ended = { state: 'abandoned', at: iso(rooms.clock()), error: reason, endRecord, drops: true } as const
  return rooms.outbox.end(row, ended, { from: ['waiting', 'dead'] })
}

export async function abandonReceived(
  row: StoredInbox,
  reason: Reason,
  rooms: DeliveryRooms,
): Promise<boolean> {
  const { delivery, client, service } = row
  const [facts, peer] = [openFacts(rooms.keys, row), parseServerId(row.peer)]
  const endRecord = await giveReceipt(
    { kind: 'abandoned', delivery, client, service, facts, reason, arrived: 'yes', peer },
    rooms,
  )
  const ended = { state: 'abandoned', at: iso(rooms.clock()), error: reason, endRecord, drops: true } as const
  return rooms.inboxReceipts.end(row, ended, ['waiting', 'dead'])
}
