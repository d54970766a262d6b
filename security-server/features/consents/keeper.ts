/**
 * Which security server keeps the consents to a contract. Guarantees that there is one and no other: each has
 * its own database, and at a second one neither a withdrawal nor the number of calls of the first would hold.
 */
import type { ConsentRule } from '#schemas/contract.ts'
import { Fault, type FaultCode } from '#schemas/fault.ts'
import { idText, parseClientId, type ServerId } from '#schemas/identifiers.ts'
import { ANY_GRACE } from '../../global-configuration/snapshot.ts'
import type { ConsentRooms } from './rooms.ts'

type Rooms = Pick<ConsentRooms, 'globalConfiguration' | 'server'>
type Place = { subsystem: string; rule: Pick<ConsentRule, 'keptAt'> }

/**
 * The one that the contract names, among those at which `subsystem` (in text form) is registered; where there
 * is only one, that one. Undefined where nobody could say: then there are no consents, and calls that need
 * one are refused.
 */
export function keeperOf({ subsystem, rule }: Place, rooms: Rooms): ServerId | undefined {
  const servers = serversOf(subsystem, rooms)
  if (rule.keptAt !== undefined) return servers.find((id) => idText(id) === rule.keptAt)
  return servers.length < 2 ? rooms.server : undefined
}

/**
 * Throws `code` where the consents to this contract are kept at another server, or nowhere, and says where.
 */
export function refuseKeptElsewhere(
  place: Place,
  rooms: Rooms,
  code: Extract<FaultCode, 'conflict' | 'consent_unknown'>,
): void {
  const { subsystem, rule } = place
  const keeper = keeperOf(place, rooms)
  if (keeper !== undefined && idText(keeper) === idText(rooms.server)) return
  if (keeper !== undefined)
    throw new Fault(code, {
      what: `the consents are kept at the security server ${idText(keeper)}: name it in X-Road-Security-Server`,
    })
  const where = serversOf(subsystem, rooms)
    .slice(0, 5)
    .map((id) => idText(id))
    .join(', ')
  const why =
    rule.keptAt === undefined
      ? 'several security servers, and its contract does not say which keeps the consents (keptAt)'
      : `security servers of which none is ${rule.keptAt}, where its contract has the consents kept (keptAt)`
  throw new Fault(code, { what: `${subsystem} is registered at ${why}: ${where}` })
}

/**
 * Those at which `subsystem`, in text form, is registered. Whether a call may go in an outage is for its
 * contract to say.
 */
export function serversOf(subsystem: string, { globalConfiguration }: Rooms): ServerId[] {
  const id = parseClientId(subsystem)
  return (globalConfiguration.currentWithin(ANY_GRACE).indexFor(id.instance)?.serversOf(id) ?? []).map(
    (one) => one.id,
  )
}
