/** Guarantees that the request carries a signature of the client's member over message and body. */
import { memberOf } from '#schemas/identifiers.ts'
import { discardOnFailure } from '../message/body.ts'
import type { RequestMessage } from '../message/codec.ts'
import type { Represented } from '../peer/check-representation.ts'
import type { Signed } from '../peer/sign-message.ts'
import type { Covered } from './check-contract.ts'
import type { ConsumerRooms } from './rooms.ts'

export type SignedRequest = Signed<Covered & Represented & RequestMessage>

export function sign(
  covered: Covered & Represented & RequestMessage,
  rooms: ConsumerRooms,
): Promise<SignedRequest> {
  const member = memberOf(covered.request.client)
  return discardOnFailure(covered.body, () => rooms.signMessage(member, covered))
}
