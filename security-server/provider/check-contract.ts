/**
 * Guarantees that the service exists, is on, and that the verified client may call this method and path: access rights
 * by subsystem and group, denied by default, and a service contract where the instance's policy wants one.
 */

import type { RestRequest } from '#core/transport/rest-message.ts'
import { checkServicePath } from '#core/transport/service-path.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { NO_TERMS, type RecordTerms } from '../global-configuration/contracts/index-contracts.ts'
import type { LocalService } from '../local-systems/local-systems.ts'
import type { Allowed, RequestMessage, Signed, Verified } from '../peer/message.ts'
import { isMetadataService } from './metadata.ts'
import type { ProviderRooms } from './rooms.ts'
import type { Way } from './way.ts'

export type AllowedRequest = Allowed<Verified<Signed<RequestMessage>>> & {
  local: LocalService | undefined
  /** What its records say of the contract under which it goes. */
  terms: RecordTerms
}

/**
 * Throws `unknown_service`, `service_disabled`, `invalid_path`, `access_denied`, or the fault of the contract; metadata
 * services are open to all members.
 */
export function checkContract(
  verified: Verified<Signed<RequestMessage>>,
  way: Way,
  rooms: ProviderRooms,
): AllowedRequest {
  const rights = checkRights(verified.request, rooms)
  way.terms = rights.terms
  return { ...verified, ...rights } as AllowedRequest
}

/** The check itself, also used on claims before the body is read; gives the service, none for metadata services. */
export function checkRights(
  request: RestRequest,
  rooms: ProviderRooms,
): Pick<AllowedRequest, 'local' | 'terms'> {
  if (isMetadataService(request)) return { local: undefined, terms: NO_TERMS }
  const { service, client, method } = request
  const local = rooms.localSystems.service(service)
  if (local === undefined) throw new Fault('unknown_service', { what: idText(service) })
  const path = checkServicePath(request.servicePath, { allowEncodedSlash: local.allowEncodedSlash })
  const isInGlobalGroup = (code: string): boolean =>
    rooms.globalConfiguration.current().index.isInGlobalGroup(code, client)
  if (!rooms.localSystems.isAllowed({ client, service, method, path, isInGlobalGroup })) {
    throw new Fault('access_denied', { what: `${idText(client)} for ${idText(service)}` })
  }
  if (local.disabledNotice !== undefined) {
    throw new Fault('service_disabled', { what: local.disabledNotice.slice(0, 200) || idText(service) })
  }
  const at = rooms.clock()
  const terms = rooms.contracts.contractFor({ client, service, method, path, at, isInGlobalGroup })
  return { local, terms }
}
