/**
 * The metadata services of a provider subsystem: listMethods, allowedMethods, getOpenAPI (pr-meta). Open to
 * every registered member, else an exchange like any other: signed, logged, replay-safe.
 */
import type { HeaderList } from '#core/transport/header-list.ts'
import { Fault } from '#schemas/fault.ts'
import { subsystemOf } from '#schemas/identifiers.ts'
import type { ListedEndpoint, LocalService } from '../local-systems/local-systems.ts'
import { METADATA_SERVICES, type Request, type SystemAnswer } from '../message/message.ts'
import type { ProviderRooms } from './rooms.ts'

export function isMetadataService({ protocol, service }: Request): boolean {
  return METADATA_SERVICES[protocol].has(service.serviceCode)
}

export async function answerMetadata(request: Request, rooms: ProviderRooms): Promise<SystemAnswer> {
  if (request.method !== 'GET' || request.servicePath !== '') {
    throw new Fault('invalid_http_method', {
      what: `${request.service.serviceCode} is asked with GET and no path`,
    })
  }
  if (request.service.serviceCode === 'getOpenAPI') return openApi(request, rooms)
  const provider = subsystemOf(request.service)
  const isInGlobalGroup = (code: string): boolean =>
    rooms.globalConfiguration.current().index.isInGlobalGroup(code, request.client)
  const asker =
    request.service.serviceCode === 'listMethods' ? undefined : { client: request.client, isInGlobalGroup }
  const services =
    asker === undefined
      ? rooms.localSystems.services(provider)
      : rooms.localSystems.allowedServices({ ...asker, provider })
  const spoken = services.filter(({ type }) => type !== 'WSDL')
  const listed = spoken.map((service) => describe(service, rooms.localSystems.endpoints(service.id, asker)))
  return answerOf(request, 'application/json;charset=utf-8', JSON.stringify({ service: listed }), rooms)
}

function describe(service: LocalService, endpoints: ListedEndpoint[]): object {
  const { id } = service
  return {
    member_class: id.memberClass,
    member_code: id.memberCode,
    object_type: 'SERVICE',
    service_code: id.serviceCode,
    service_type: service.type,
    subsystem_code: id.subsystemCode,
    xroad_instance: id.instance,
    endpoint_list: endpoints.map(({ method, path }) => ({ method, path })),
  }
}

async function openApi(request: Request, rooms: ProviderRooms): Promise<SystemAnswer> {
  const [serviceCode, ...others] = new URLSearchParams(request.query ?? '').getAll('serviceCode')
  if (serviceCode === undefined || others.length > 0)
    throw new Fault('invalid_request', { what: 'serviceCode has to be given once' })
  const service = rooms.localSystems.service({ ...subsystemOf(request.service), serviceCode })
  if (service === undefined) throw new Fault('unknown_service')
  if (service.type !== 'OPENAPI' || service.documentText === undefined)
    throw new Fault('service_type', { what: 'the service has no OpenAPI description' })
  const type = service.documentText.trimStart().startsWith('{') ? 'application/json' : 'application/yaml'
  return answerOf(request, `${type};charset=utf-8`, service.documentText, rooms)
}

/**
 * X-Road starts the reply's headers from the request's (RestMetadataServiceHandlerImpl), but not those of its
 * content.
 */
async function answerOf(
  request: Request,
  type: string,
  text: string,
  { messageLog, limits }: ProviderRooms,
): Promise<SystemAnswer> {
  const headers: HeaderList = request.headers.filter(([name]) => !/^content-/i.test(name))
  headers.push(['Content-Type', type])
  const pending = messageLog.spool.begin({ maxBytes: limits.maxBodyBytes })
  await pending.write(Buffer.from(text, 'utf8'))
  return { status: 200, reason: 'OK', headers, body: await pending.end() }
}
