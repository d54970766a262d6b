/**
 * Guarantees that the client's member signed this request whole and, as it arrived, now, and that its server
 * is the peer on the line: peer and signed request id can then be trusted as the replay key.
 */
import { memberOf } from '#schemas/identifiers.ts'
import { ANY_GRACE } from '../global-configuration/snapshot.ts'
import type { Verified } from '../peer/verify-message.ts'
import { whileItArrived } from '../peer/while-it-arrived.ts'
import { checkRegistered } from './check-registered.ts'
import type { Received } from './receive.ts'
import type { ProviderRooms } from './rooms.ts'
import { checkUploadTime } from './upload-time.ts'

export async function verify(received: Received, rooms: ProviderRooms): Promise<Verified<Received>> {
  const { arrived, proof, peer } = received.visit
  checkUploadTime(arrived, rooms)
  const snapshot = rooms.globalConfiguration.currentWithin(ANY_GRACE)
  const at = rooms.clock()
  // Since its head came the peer may have been revoked and the client deregistered.
  const time = { arrived, at }
  whileItArrived(time, (judgedAt) => rooms.verifyPeer({ ...proof, snapshot, at: judgedAt }))
  checkRegistered(received.request, peer, rooms)
  const member = memberOf(received.request.client)
  return rooms.verifyMessage({ parts: received, member, snapshot, ...time })
}
