/**
 * Guarantees that the service exists, is on, and that the verified client may call this method and path: access rights
 * by subsystem and group, denied by default, and a service contract where the instance's policy wants one. The one place
 * where access rights are checked: the early refusal asks the same question of claims, and gets no mark.
 */

import { checkServicePath } from '#core/transport/service-path.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { NO_TERMS, type RecordTerms } from '../global-configuration/contracts/index-contracts.ts'
import type { LocalCall, LocalService } from '../local-systems/local-systems.ts'
import type { Request } from '../message/message.ts'
import { type HeldTerms, holdTerms } from '../peer/held-terms.ts'
import type { Verified } from '../peer/verify-message.ts'
import { isMetadataService } from './metadata.ts'
import type { Received } from './receive.ts'
import type { ProviderRooms } from './rooms.ts'

const allowed = Symbol('allowed')

/** Checked on verified identity; the mark is made here and nowhere else. */
export type AllowedRequest = Verified<Received> & {
  readonly [allowed]: true
  /** None for metadata services. */
  local: LocalService | undefined
  /** What its records say of what held, the contract under which it goes among it. */
  terms: HeldTerms
}

/** An endpoint of ours, and what this client is to it. */
type Endpoint = {
  local: LocalService
  path: string
  isInGlobalGroup: (code: string) => boolean
  call: LocalCall | undefined
}
type Rights = { local: LocalService | undefined; call: LocalCall | undefined; terms: RecordTerms }

/**
 * Throws `unknown_service`, `service_disabled`, `invalid_path`, `access_denied`, or the fault of the contract; metadata
 * services are open to all members.
 */
export function checkContract(verified: Verified<Received>, rooms: ProviderRooms): AllowedRequest {
  const { local, call, terms } = checkRights(verified.request, rooms)
  const snapshot = rooms.globalConfiguration.current()
  const held = call === undefined ? terms : holdTerms({ ...call.held(), snapshot, terms })
  return { ...verified, local, terms: held, [allowed]: true }
}

/** The check itself; gives the service, none for metadata services. */
export function checkRights(request: Request, rooms: ProviderRooms): Rights {
  if (isMetadataService(request)) return { local: undefined, call: undefined, terms: NO_TERMS }
  const { service, client, method } = request
  const endpoint = endpointOf(request, rooms)
  if (endpoint === undefined) throw new Fault('unknown_service', { what: idText(service) })
  const { local, path, isInGlobalGroup, call } = endpoint
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
export function heldWhenRefused(request: Request, terms: RecordTerms, rooms: ProviderRooms): HeldTerms {
  try {
    const call = endpointOf(request, rooms)?.call
    const snapshot = rooms.globalConfiguration.current()
    return call === undefined ? terms : holdTerms({ ...call.held(), snapshot, terms })
  } catch {
    // No configuration, or no path: nothing held that could be told.
    return terms
  }
}

/** Throws `invalid_path`. */
function endpointOf(
  { service, client, method, servicePath }: Request,
  rooms: ProviderRooms,
): Endpoint | undefined {
  const local = rooms.localSystems.service(service)
  if (local === undefined) return undefined
  const path = checkServicePath(servicePath, { allowEncodedSlash: local.allowEncodedSlash })
  const isInGlobalGroup = (code: string): boolean =>
    rooms.globalConfiguration.current().index.isInGlobalGroup(code, client)
  const call = rooms.localSystems.call({ client, service, method, path, isInGlobalGroup })
  return { local, path, isInGlobalGroup, call }
}
