/**
 * Whether a service of ours exists, is on, and a client may call its method and path: access rights by
 * subsystem and group, denied by default, and a service contract where the instance's policy wants one. The
 * one place where access rights are checked. It speaks of what a request says: who made the request is proved
 * elsewhere.
 */
import { checkServicePath } from '#core/transport/service-path.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, subsystemOf } from '#schemas/identifiers.ts'
import { NO_TERMS, type RecordTerms } from '../global-configuration/contracts/index-contracts.ts'
import { checkNotOverdue } from '../global-configuration/overdue.ts'
import { ANY_GRACE } from '../global-configuration/snapshot.ts'
import { speaksForPeople } from '../local-systems/check-address.ts'
import type { LocalCall, LocalService } from '../local-systems/local-systems.ts'
import { isMonitoringService, type Request } from '../message/message.ts'
import { type TermsOnRecord, termsOnRecord } from '../peer/terms-on-record.ts'
import { checkMonitoring } from './check-monitoring.ts'
import { isMetadataService } from './metadata.ts'
import type { ProviderRooms } from './rooms.ts'

/** An endpoint of ours, and what this client is to it. */
type Endpoint = {
  local: LocalService
  path: string
  isInGlobalGroup: (code: string) => boolean
  call: LocalCall | undefined
}
type Rights = { local: LocalService | undefined; call: LocalCall | undefined; terms: RecordTerms }

/** The check itself; gives the service, none for metadata and monitoring services. */
export function checkRights(request: Request, rooms: ProviderRooms): Rights {
  const { service, client, method } = request
  const isMonitoring = isMonitoringService(request)
  if (isMonitoring || isMetadataService(request)) {
    const snapshot = rooms.globalConfiguration.currentWithin(ANY_GRACE)
    checkNotOverdue(snapshot, [rooms.server.instance, client.instance, service.instance])
    if (isMonitoring) checkMonitoring(request, rooms)
    return { local: undefined, call: undefined, terms: NO_TERMS }
  }
  const endpoint = endpointOf(request, rooms)
  if (endpoint === undefined) throw new Fault('unknown_service', { what: idText(service) })
  const { local, path, isInGlobalGroup, call } = endpoint
  checkProtocol(local, request)
  checkElement(request, rooms)
  if (call?.isAllowed !== true) {
    throw new Fault('access_denied', { what: `${idText(client)} for ${idText(service)}` })
  }
  if (local.disabledNotice !== undefined) {
    throw new Fault('service_disabled', { what: local.disabledNotice.slice(0, 200) || idText(service) })
  }
  const at = rooms.clock()
  // Whoever asks a tracker for people, or gives their consents, waits until the registry is back.
  const neverInGrace = speaksForPeople(local.url)
  const terms = rooms.contracts.contractFor({
    ...{ client, service, method, path, at, isInGlobalGroup, neverInGrace },
  })
  return { local, call, terms }
}

/**
 * The element in the body may be named longer than the service (pr-mess), but not like another one: systems
 * go by the element, and the right is one to the service. Throws `inconsistent_headers`.
 */
function checkElement({ service, soap }: Request, { localSystems }: ProviderRooms): void {
  const element = soap?.element
  if (element === undefined || element === service.serviceCode) return
  const provider = subsystemOf(service)
  if (localSystems.services(provider).some(({ id }) => id.serviceCode === element))
    throw new Fault('inconsistent_headers', {
      what: `the body is that of another service than ${idText(service)}`,
    })
}

/** Throws `service_type` for a service that is asked in the other protocol. */
function checkProtocol({ id, type }: LocalService, { protocol }: Request): void {
  const spoken = type === 'WSDL' ? 'SOAP' : 'REST'
  if (spoken !== protocol) throw new Fault('service_type', { what: `${idText(id)} is a ${spoken} service` })
}

/**
 * The circumstances of a call that was refused, under `terms`: as far as the call names a service and an
 * endpoint of ours.
 */
export function termsWhenRefused(request: Request, terms: RecordTerms, rooms: ProviderRooms): TermsOnRecord {
  try {
    const call = endpointOf(request, rooms)?.call
    const snapshot = rooms.globalConfiguration.currentWithin(ANY_GRACE)
    return call === undefined ? terms : termsOnRecord({ ...call.circumstances(), snapshot, terms })
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
    rooms.globalConfiguration.currentWithin(ANY_GRACE).index.isInGlobalGroup(code, client)
  const call = rooms.localSystems.call({ client, service, method, path, isInGlobalGroup })
  return { local, path, isInGlobalGroup, call }
}
