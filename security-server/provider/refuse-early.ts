/**
 * Refuses, before a byte of the body is spooled, what no signature could make acceptable: a foreign client,
 * an unknown service, a client without any right. It speaks of claims: passing here proves nothing and gives
 * no mark.
 */
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import type { Request } from '../message/message.ts'
import { checkRegistered } from './check-registered.ts'
import { checkRights } from './check-rights.ts'
import type { Visit } from './identify-peer.ts'
import type { ProviderRooms } from './rooms.ts'

export function refuseEarly(claimed: Request, { peer, course }: Visit, rooms: ProviderRooms): void {
  checkRegistered(claimed, peer, rooms)
  // From here on there is a record of it: a peer that is proved speaks of a client of its own, and to a
  // subsystem of ours.
  course.request = claimed
  if (claimed.securityServer !== undefined && idText(claimed.securityServer) !== idText(rooms.server)) {
    throw new Fault('invalid_security_server', { what: `this is ${idText(rooms.server)}` })
  }
  rooms.messageLog.checkUsable()
  checkRights(claimed, rooms)
}
