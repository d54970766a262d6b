/**
 * Guarantees that what was allowed before the body came, which may take an hour, is allowed still: nothing is signed for a
 * client that was suspended, locked out or lost its contract meanwhile.
 */
import { discardOnFailure } from '../peer/discard-body.ts'
import type { Allowed, RequestMessage } from '../peer/message.ts'
import type { Accepted, Arrival } from './accept.ts'
import { checkAccess } from './check-access.ts'
import { checkContract } from './check-contract.ts'
import type { ConsumerRooms } from './rooms.ts'

export async function checkAgain(
  message: Allowed<RequestMessage>,
  accepted: Accepted,
  arrival: Arrival,
  rooms: ConsumerRooms,
): Promise<Allowed<RequestMessage>> {
  // Without a body no time went by.
  if (message.body === undefined) return message
  return discardOnFailure(message.body, async () => {
    const { terms } = checkContract(checkAccess(accepted, arrival, rooms), rooms)
    return { ...message, terms }
  })
}
