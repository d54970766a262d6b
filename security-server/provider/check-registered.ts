/**
 * Guarantees that the registry has the client on the peer's server and the service's subsystem on ours, now,
 * nobody suspended.
 */
import { Fault } from '#schemas/fault.ts'
import { idText, type ServerId, subsystemOf } from '#schemas/identifiers.ts'
import { checkClientNotSuspended, checkServerNotSuspended } from '../global-configuration/check-suspended.ts'
import { ANY_GRACE } from '../global-configuration/snapshot.ts'
import type { Request } from '../message/message.ts'
import type { ProviderRooms } from './rooms.ts'

/** Throws `unknown_member`, `suspended`. */
export function checkRegistered(
  { client, service }: Pick<Request, 'client' | 'service'>,
  peer: ServerId,
  rooms: ProviderRooms,
): void {
  const snapshot = rooms.globalConfiguration.currentWithin(ANY_GRACE)
  if (snapshot.indexFor(client.instance)?.isClientOf(peer, client) !== true) {
    throw new Fault('unknown_member', { what: `${idText(client)} is no client of ${idText(peer)}` })
  }
  if (!snapshot.index.isClientOf(rooms.server, subsystemOf(service))) {
    throw new Fault('unknown_member', { what: `${idText(subsystemOf(service))} is not served here` })
  }
  checkClientNotSuspended(client, snapshot)
  checkClientNotSuspended(service, snapshot)
  checkServerNotSuspended(rooms.server, snapshot)
}
