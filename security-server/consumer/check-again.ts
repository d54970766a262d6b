/**
 * Guarantees that what was allowed before the body came, which may take an hour, is allowed still: nothing is
 * signed for a client that was suspended, locked out or lost its contract meanwhile.
 */
import { discardOnFailure } from '../message/body.ts'
import type { Arrival } from './accept.ts'
import { checkAccess } from './check-access.ts'
import { type Covered, checkContract } from './check-contract.ts'
import type { ConsumerRooms } from './rooms.ts'
import type { Taken } from './take-body.ts'

export async function checkAgain(
  { covered, body }: Taken,
  arrival: Arrival,
  rooms: ConsumerRooms,
): Promise<Covered & Pick<Taken, 'body'>> {
  // Without a body no time went by.
  if (body === undefined) return { ...covered, body }
  return discardOnFailure(body, async () => {
    return { ...checkContract(checkAccess(covered, arrival, rooms), rooms), body }
  })
}
