/**
 * Whether a subscriber may be given events of a type now: the right and the contract by which it could
 * subscribe at this moment. They may have ended since it did.
 */
import { Fault } from '#schemas/fault.ts'
import { type ClientId, idText, parseClientId, parseServiceId } from '#schemas/identifiers.ts'
import { checkClientNotSuspended } from '../../global-configuration/check-suspended.ts'
import type { RecordTerms } from '../../global-configuration/contracts/index-contracts.ts'
import type { SubscriptionRooms } from './rooms.ts'

/** The endpoint that stands for being given events, whether they are pushed or fetched. */
function subscribingTo(type: string): { method: 'POST'; path: string } {
  return { method: 'POST', path: `/api/v1/subs/${type}` }
}

/**
 * Throws `unknown_service`, `service_disabled`, `access_denied`, `suspended`, and the fault of the contract.
 */
export function mayReceive(
  q: { subscriber: string; room: string; type: string },
  rooms: Pick<SubscriptionRooms, 'localSystems' | 'contracts' | 'globalConfiguration' | 'clock'>,
): RecordTerms {
  const client: ClientId = parseClientId(q.subscriber)
  const service = parseServiceId(q.room)
  const local = rooms.localSystems.service(service)
  if (local === undefined) throw new Fault('unknown_service', { what: q.room })
  if (local.disabledNotice !== undefined)
    throw new Fault('service_disabled', { what: local.disabledNotice.slice(0, 200) || q.room })
  const snapshot = rooms.globalConfiguration.current()
  const isInGlobalGroup = (code: string): boolean => snapshot.index.isInGlobalGroup(code, client)
  const call = { client, service, ...subscribingTo(q.type), isInGlobalGroup }
  if (rooms.localSystems.call(call)?.isAllowed !== true)
    throw new Fault('access_denied', { what: `${idText(client)} for ${q.room}` })
  checkClientNotSuspended(client, snapshot)
  return rooms.contracts.contractFor({ ...call, at: rooms.clock() })
}
