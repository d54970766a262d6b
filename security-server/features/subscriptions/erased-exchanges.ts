/**
 * Guarantees that an order to erase an exchange leaves no event of it in a room: the order is refused while
 * one is given out. Events of versions that kept no record are not found; they go with the days of their
 * type.
 */
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { type SubscriptionRooms, sequenceText } from './rooms.ts'

export type ReadsRecords = {
  read(index: number): Promise<{ metadata?: { answers?: number | undefined } | undefined }>
}

/**
 * Throws `conflict` while a room gives out the event that the exchange of this record published. The mark
 * that deliveries have left for the request keeps one out that is on its way.
 */
export async function checkOrder(
  index: number,
  { events, messageLog }: Pick<SubscriptionRooms, 'events'> & { messageLog: ReadsRecords },
): Promise<undefined> {
  const { metadata } = await messageLog.read(index)
  const event = await events.ofRecord(metadata?.answers ?? index)
  if (event === undefined) return
  const { room, name, sequence } = event
  throw new Fault('conflict', {
    what: say`the room ${room} still gives out the event ${sequenceText(Number(sequence))} of type ${name}: let its publisher take it back, or remove the event type, and order again`,
  })
}
