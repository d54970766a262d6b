/**
 * Guarantees that the consents to a subsystem are in one place. Each security server has its own database: at a second one neither a
 * withdrawal nor the number of calls of the first would hold.
 */
import { Fault, type FaultCode } from '#schemas/fault.ts'
import { idText, parseClientId } from '#schemas/identifiers.ts'
import type { ConsentRooms } from './rooms.ts'

/** `subsystem` in text form. Throws `code` where it is registered at more than one security server. */
export function refuseSeveralServers(
  subsystem: string,
  { globalConfiguration }: Pick<ConsentRooms, 'globalConfiguration'>,
  code: Extract<FaultCode, 'conflict' | 'consent_unknown'>,
): void {
  const id = parseClientId(subsystem)
  const servers = globalConfiguration.current().indexFor(id.instance)?.serversOf(id) ?? []
  if (servers.length < 2) return
  const where = servers.slice(0, 5).map((one) => idText(one.id))
  throw new Fault(code, {
    what: `${subsystem} is registered at several security servers (${where.join(', ')}), and a consent holds at one alone: leave it registered at one`,
  })
}
