/**
 * What a publisher sees of its own events, and taking one back: whoever was not given it yet does not get it.
 */
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { StoredEvent } from './publish-store.ts'
import type { SubscriptionRooms } from './rooms.ts'
import type { StoredType } from './type-store.ts'
import { eventView } from './views.ts'

type Named = { type: StoredType; publisher: string; sequence: number }

/**
 * `passed`: of `subscriptions` so many have gone past it, whether it passed their filters or not. Throws
 * `not_found`.
 */
export async function showPublished(q: Named, rooms: SubscriptionRooms): Promise<object> {
  return shown(await ownEvent(q, rooms), q, rooms)
}

/**
 * What is being given out at this moment still goes; `passed` of the answer was read afterwards. Taking back
 * again does nothing. Throws `not_found`.
 */
export async function takeBack(q: Named, rooms: SubscriptionRooms): Promise<object> {
  const event = await ownEvent(q, rooms)
  await rooms.events.takeBack(q.type.id, q.sequence)
  return shown({ ...event, content: null }, q, rooms)
}

async function shown(event: StoredEvent, { type }: Named, rooms: SubscriptionRooms): Promise<object> {
  return {
    ...eventView(event, type),
    state: event.content === null ? 'taken_back' : 'published',
    ...(await rooms.subscriptions.passed(type.id, event.sequence)),
  }
}

async function ownEvent(
  { type, publisher, sequence }: Named,
  rooms: SubscriptionRooms,
): Promise<StoredEvent> {
  const event = await rooms.events.find(type.id, sequence)
  if (event === undefined || event.publisher !== publisher)
    throw new Fault('not_found', { what: say`no event of this publisher has the id` })
  return event
}
