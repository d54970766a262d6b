/**
 * What time brings to rooms: events whose days are over go, subscriptions that still needed one lapse, and
 * those that an operator ended are forgotten. Each part takes bounded steps.
 */
import { iso, type SubscriptionRooms } from './rooms.ts'

const AT_ONCE = 500
const DAY_MS = 86_400_000
/** How long a subscriber sees that an operator ended its subscription. */
const ENDED_DAYS = 30

/** Whether `keepUp` would find anything now; reads only. */
export async function isUpkeepDue({ types, subscriptions, clock }: SubscriptionRooms): Promise<boolean> {
  const now = clock()
  return (await types.isAnyExpired(iso(now))) || (await subscriptions.isAnyEnded(endedBefore(now)))
}

function endedBefore(now: number): string {
  return iso(now - ENDED_DAYS * DAY_MS)
}

/** `signal` ends it between two steps. */
export async function keepUp(rooms: SubscriptionRooms, signal: AbortSignal): Promise<void> {
  const { types, events, subscriptions, log, clock } = rooms
  for (let after = 0, found = AT_ONCE; found === AT_ONCE; ) {
    const some = await types.list({ after, limit: AT_ONCE })
    for (const { id, room, name } of some) {
      for (let removed = AT_ONCE; removed === AT_ONCE && !signal.aborted; ) {
        const gone = await events.expire(id, iso(clock()))
        removed = gone.removed
        if (gone.lapsed > 0)
          log.warn({ room, eventType: name, lapsed: gone.lapsed }, 'subscriptions lapsed: events went unseen')
      }
    }
    found = some.length
    after = some.at(-1)?.id ?? after
  }
  await subscriptions.forget(endedBefore(clock()))
}
