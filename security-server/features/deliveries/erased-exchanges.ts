/**
 * Guarantees that an order to erase an exchange leaves no event of it in a box: the order is refused while
 * one is there, and what such an order has erased is not redriven.
 */
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { erasuresOf } from '../../reading/erasures-of.ts'
import type { StoredInbox, StoredOutbox } from './box-store.ts'
import { type DeliveryRooms, iso } from './rooms.ts'

type Rooms = Pick<DeliveryRooms, 'clock' | 'messageLog' | 'outbox' | 'erasedRequests' | 'routes'>

/**
 * Throws `conflict` while a box has the event that the exchange of this record carried, or a receipt of it is
 * this record. From then on no inbox takes that event by this exchange any more; the function lets it again,
 * for an order that was not carried out.
 */
export async function checkOrder(index: number, rooms: Rooms): Promise<(() => Promise<void>) | undefined> {
  const { id = '', client, service, answers } = (await rooms.messageLog.read(index)).metadata ?? {}
  if (id === '' || client === undefined || service === undefined) return undefined
  // A client system may use the id of a delivery for other exchanges.
  const isOf = (way: { client: string; service: string }) => way.client === client && way.service === service
  for (const row of await rooms.outbox.byDelivery(id))
    if (row.content !== null && isOf(await rooms.routes.partiesOf(Number(row.route))))
      throw stillThere('outbox', row)
  const way = { delivery: id, client, service }
  const marked = await rooms.erasedRequests.mark({
    ...way,
    ...{ record: answers ?? index, at: iso(rooms.clock()) },
  })
  if ('position' in marked) throw stillThere('inbox', marked)
  return marked.unmark
}

function stillThere(box: 'outbox' | 'inbox', { position }: { position: number }): Fault {
  return new Fault('conflict', {
    what: say`the event is still in the ${box} at ${position}: let it be delivered and acknowledged, or discard it, and order again`,
  })
}

/** Throws `conflict` for dead letters whose exchange was erased by order. */
export async function checkRedrive(
  rows: Pick<StoredOutbox | StoredInbox, 'position' | 'first_record'>[],
  { messageLog }: Pick<Rooms, 'messageLog'>,
): Promise<void> {
  for (const { position, first_record: record } of rows) {
    if (record === null) continue
    const { said } = await erasuresOf(messageLog, Number(record))
    // Of what ended with its time the erasure states a class, and no case.
    if (said.some((one) => one['case'] !== undefined))
      throw new Fault('conflict', {
        what: say`the exchange of the delivery at ${position} was erased by order: discard it`,
      })
  }
}
