/**
 * Guarantees that the client's member signed this request whole and now, that its server is the peer on the line, and
 * that the signed request id is the one of the transport header: the replay key can then be trusted (DESIGN 3.2).
 */
import { Fault } from '#schemas/fault.ts'
import { memberOf } from '#schemas/identifiers.ts'
import { HEADER } from '#schemas/wire.ts'
import type { RequestMessage, Signed, Verified } from '../peer/message.ts'
import type { ProviderRooms } from './rooms.ts'
import type { Way } from './way.ts'

export async function verify(
  received: Signed<RequestMessage>,
  way: Way,
  rooms: ProviderRooms,
): Promise<Verified<Signed<RequestMessage>>> {
  const { request, requestId } = received
  if (request.requestId !== requestId) {
    throw new Fault('inconsistent_headers', {
      what: `${HEADER.requestId} differs between message and transport`,
    })
  }
  const snapshot = rooms.globalConfiguration.current()
  await rooms.verifyMessage({
    parts: received,
    member: memberOf(request.client),
    snapshot,
    at: rooms.clock(),
  })
  way.verified = received
  return { ...received, peer: way.peer! } as Verified<Signed<RequestMessage>>
}
