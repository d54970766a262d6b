/**
 * Guarantees that nothing is signed and nothing leaves which the provider would refuse for the party that it
 * names. What a mandate service has to say the provider asks: until then our record says what our system
 * asserts.
 */
import { discardOnFailure } from '../message/body.ts'
import { judgeRepresentation, type Represented } from '../peer/check-representation.ts'
import type { Covered } from './check-contract.ts'
import type { ConsumerRooms } from './rooms.ts'
import type { Taken } from './take-body.ts'

/** Throws `representation_refused` and `contracts_outdated`. */
export function checkRepresentation<T extends Covered & Pick<Taken, 'body'>>(
  asked: T,
  rooms: ConsumerRooms,
): Promise<T & Represented> {
  return discardOnFailure(asked.body, async () => ({
    ...asked,
    representation: judgeRepresentation(asked, rooms),
  }))
}
