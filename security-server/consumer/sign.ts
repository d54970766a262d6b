/** Guarantees that the request carries a signature of the client's member over message and body. */
import { memberOf } from '#schemas/identifiers.ts'
import { discardOnFailure } from '../peer/discard-body.ts'
import type { Allowed, RequestMessage, Signed } from '../peer/message.ts'
import type { ConsumerRooms } from './rooms.ts'

export async function sign(
  message: Allowed<RequestMessage>,
  rooms: ConsumerRooms,
): Promise<Signed<RequestMessage>> {
  const member = memberOf(message.request.client)
  const signature = await discardOnFailure(message.body, () => rooms.signMessage(member, message))
  return { ...message, signature } as unknown as Signed<RequestMessage>
}
