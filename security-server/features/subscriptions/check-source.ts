/**
 * Guarantees that nobody takes the names of another publisher's events: a source that the room declares is
 * used by its publisher alone. An inbox knows an event by its room's subsystem, source and id, so whoever
 * uses the source of another first takes its event's place.
 */
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { SubscriptionRooms } from './rooms.ts'
import { atOrAbove } from './source-store.ts'
import type { StoredType } from './type-store.ts'

/** Throws `invalid_event`. */
export async function checkSource(
  { type, publisher, source }: { type: StoredType; publisher: string; source: string },
  { sources }: Pick<SubscriptionRooms, 'sources'>,
): Promise<void> {
  const declared = await sources.around({ room: type.room, type: type.id }, source)
  const covering = declared.filter((one) => atOrAbove(source).includes(one.source))
  // The nearest one decides: below a source of one publisher there may be one of another.
  const nearest = Math.max(...covering.map((one) => one.source.length))
  if (covering.some((one) => one.source.length === nearest && one.publisher !== publisher))
    throw new Fault('invalid_event', { what: say`its source is that of another publisher of this room` })
  if (declared.some((one) => one.type === type.id) && !covering.some((one) => one.type === type.id))
    throw new Fault('invalid_event', { what: say`its source is none of those that its event type declares` })
}
