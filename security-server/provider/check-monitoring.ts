/**
 * Guarantees that a question to a monitoring service is one to this server's owner, and of somebody who may
 * ask it (pr-opmon). What each may see of the answer, the answer decides.
 */
import { Fault } from '#schemas/fault.ts'
import { idText, memberOf } from '#schemas/identifiers.ts'
import type { Request } from '../message/message.ts'
import type { ProviderRooms } from './rooms.ts'

/** Throws `unknown_service`, `inconsistent_headers`, `access_denied`. */
export function checkMonitoring(request: Request, { server, globalConfiguration }: ProviderRooms): void {
  const { client, service, soap } = request
  const owner = idText(memberOf(server))
  if (idText(memberOf(service)) !== owner) throw new Fault('unknown_service', { what: idText(service) })
  if (soap?.element !== service.serviceCode)
    throw new Fault('inconsistent_headers', { what: 'the service code differs in header and body' })
  if (service.serviceCode !== 'getSecurityServerMetrics' || idText(client) === owner) return
  const { monitoringClient } = globalConfiguration.current().index
  if (monitoringClient === undefined || idText(client) !== idText(monitoringClient))
    throw new Fault('access_denied', { what: `${idText(client)} for ${idText(service)}` })
}
