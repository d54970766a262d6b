/**
 * Guarantees that the client's member signed this request whole and, as it arrived, now, and that its server is the peer on the line:
 * peer and signed request id can then be trusted as the replay key (DESIGN 3.2).
 */
import { memberOf } from '#schemas/identifiers.ts'
import type { RequestMessage, Signed, Verified } from '../peer/message.ts'
import { whileItArrived } from '../peer/while-it-arrived.ts'
import { checkRegistered } from './check-registered.ts'
import type { ProviderRooms } from './rooms.ts'
import { checkUploadTime } from './upload-time.ts'
import type { Way } from './way.ts'

export async function verify(
  received: Signed<RequestMessage>,
  way: Way,
  rooms: ProviderRooms,
): Promise<Verified<Signed<RequestMessage>>> {
  checkUploadTime(way, rooms)
  const snapshot = rooms.globalConfiguration.current()
  const at = rooms.clock()
  // Since its head came the peer may have been revoked and the client deregistered.
  const time = { arrived: way.arrived!, at }
  whileItArrived(time, (judgedAt) => rooms.verifyPeer({ ...way.proof!, snapshot, at: judgedAt }))
  checkRegistered(received.request, way.peer!, rooms)
  const member = memberOf(received.request.client)
  await rooms.verifyMessage({ parts: received, member, snapshot, ...time })
  way.verified = received
  return { ...received, peer: way.peer! } as Verified<Signed<RequestMessage>>
}
