/**
 * Codes of letters that do not exist. Guarantees that one counter tries few of them an hour, also if it names
 * another clerk each time.
 */
import { type Clock, hasPassed } from '#platform/clock.ts'
import { Fault } from '#schemas/fault.ts'

const MOST = 20
const HOUR_MS = 3_600_000
const MOST_CLIENTS = 1000

/** The function throws `too_many_requests`, or what `act` throws; a `not_found` counts. */
export function createGuessing(clock: Clock): <T>(client: string, act: () => Promise<T>) => Promise<T> {
  const missed = new Map<string, { count: number; since: number }>()
  return async (client, act) => {
    const now = clock()
    const known = missed.get(client)
    const isOpen = known !== undefined && !hasPassed(now, known.since, HOUR_MS)
    const own = isOpen ? known : { count: 0, since: now }
    if (own.count >= MOST) throw new Fault('too_many_requests', { what: 'codes that do not exist' })
    // It counts until it is known to exist: many at once are no way around.
    own.count += 1
    missed.delete(client)
    missed.set(client, own)
    if (missed.size > MOST_CLIENTS) missed.delete(missed.keys().next().value as string)
    const result = await act()
    own.count -= 1
    return result
  }
}
