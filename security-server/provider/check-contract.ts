/**
 * Guarantees that the service exists, is on, and that the verified client may call this method and path: access rights
 * by subsystem and group, denied by default, and a service contract where the instance's policy wants one.
 */

import type { RestRequest } from '#core/transport/rest-message.ts'
import { checkServicePath } from '#core/transport/service-path.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { NO_TERMS, type RecordTerms } from '../global-configuration/contracts/index-contracts.ts'
import type { LocalCall, LocalService } from '../local-systems/local-systems.ts'
import { type HeldTerms, holdTerms } from '../peer/held-terms.ts'
import type { Allowed, RequestMessage, Signed, Verified } from '../peer/message.ts'
import { isMetadataService } from './metadata.ts'
import type { ProviderRooms } from './rooms.ts'
import type { Way } from './way.ts'

export type AllowedRequest = Allowed<Verified<Signed<RequestMessage>>> & {
  local: LocalService | undefined
  /** What its records say of what held, the contract under which it goes among it. */
  terms: HeldTerms
}

type Rights = { local: LocalService | undefined; call: LocalCall | undefined; terms: RecordTerms }

/**
 * Throws `unknown_service`, `service_disabled`, `invalid_path`, `access_denied`, or the fault of the contract; metadata
 * services are open to all members.
 */
export function checkContract(
  verified: Verified<Signed<RequestMessage>>,
  way: Way,
  rooms: ProviderRooms,
): AllowedRequest {
  const { local, call, terms } = checkRights(verified.request, rooms)
  const snapshot = rooms.globalConfiguration.current()
  const held = call === undefined ? terms : holdTerms({ ...call.held(), snapshot, terms })
  way.terms = held
  return { ...verified, local, terms: held } as AllowedRequest
}

/** The check itself, also used on claims before the body is read; gives the service, none for metadata services. */
export function checkRights(request: RestRequest, rooms: ProviderRooms): Rights {
  if (isMetadataService(request)) return { local: undefined, call: undefined, terms: NO_TERMS }
  const { service, client, method } = request
  const local = rooms.localSystems.service(service)
  if (local === undefined) throw new Fault('unknown_service', { what: idText(service) })
  const path = checkServicePath(request.servicePath, { allowEncodedSlash: local.allowEncodedSlash })
  const isInGlobalGroup = (code: string): boolean =>
    rooms.globalConfiguration.current().index.isInGlobalGroup(code, client)
  const call = rooms.localSystems.call({ client, service, method, path, isInGlobalGroup })
  if (call?.isAllowed !== true) {
    throw new Fault('access_denied', { what: `${idText(client)} for ${idText(service)}` })
  }
  if (local.disabledNotice !== undefined) {
    throw new Fault('service_disabled', { what: local.disabledNotice.slice(0, 200) || idText(service) })
  }
  const at = rooms.clock()
  const terms = rooms.contracts.contractFor({ client, service, method, path, at, isInGlobalGroup })
  return { local, call, terms }
}

/** What held of a call that was refused, under `terms`: as far as it names a service and an endpoint of ours. */
export function heldWhenRefused(request: RestRequest, terms: RecordTerms, rooms: ProviderRooms): HeldTerms {
  try {
    const { service, client, method } = request
    const local = rooms.localSystems.service(service)
    if (local === undefined) return terms
    const snapshot = rooms.globalConfiguration.current()
    const path = checkServicePath(request.servicePath, { allowEncodedSlash: local.allowEncodedSlash })
    const isInGlobalGroup = (code: string): boolean => snapshot.index.isInGlobalGroup(code, client)
    const call = rooms.localSystems.call({ client, service, method, path, isInGlobalGroup })
    return call === undefined ? terms : holdTerms({ ...call.held(), snapshot, terms })
  } catch {
    // No configuration, or no path: nothing held that could be told.
    return terms
  }
}
