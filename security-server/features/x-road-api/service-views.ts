/** Service descriptions, services and endpoints in X-Road's words. */
import { serviceIdOf } from './find-service.ts'
import type { OwnDescription, OwnRight, OwnService } from './own-views.ts'
import type { subjectsOf } from './subjects.ts'

const TYPES = { REST: 'REST', OPENAPI: 'OPENAPI3', WSDL: 'WSDL' } as const

export function descriptionView(description: OwnDescription): object {
  const { id, type, url, disabled, disabledNotice, updatedAt, services, clientId } = description
  return {
    ...{ id: String(id), type: TYPES[type], client_id: clientId },
    // A REST service has no document: X-Road names it by the address of the service.
    url: type === 'REST' ? (services[0]?.url ?? url) : url,
    ...{ disabled, disabled_notice: disabledNotice, refreshed_at: updatedAt },
    services: services.map(serviceView),
  }
}

export function serviceView(service: OwnService): object {
  const { clientId, code } = serviceIdOf(service.fullServiceId)
  const whole = service.accessRights.filter(({ wholeService }) => wholeService)
  return {
    ...{ id: `${clientId}:${code}`, full_service_code: code, service_code: service.serviceCode, title: '' },
    ...{ timeout: Math.round(service.timeoutMs / 1000), ssl_auth: service.verifyTls, url: service.url },
    subjects_count: whole.length,
    endpoints: service.endpoints.map((one) => endpointView(service, one)),
  }
}

export function endpointView(
  { serviceCode }: { serviceCode: string },
  endpoint: { id: number; method: string; path: string; generated: boolean },
): object {
  const { id, method, path, generated } = endpoint
  return { id: String(id), service_code: serviceCode, method, path, generated }
}

/** The rights of the whole service, or of one endpoint. */
export function rightsAmong(rights: OwnRight[], endpointId?: number): OwnRight[] {
  return rights.filter((one) => (endpointId === undefined ? one.wholeService : one.endpointId === endpointId))
}

export function rightViews(
  subjects: ReturnType<typeof subjectsOf>,
  clientId: string,
  rights: OwnRight[],
): object[] {
  return rights.map((right) => subjects.view(clientId, right))
}

/** Rights in X-Road's form, each code once with the time of its first. */
export function oncePerCode(rights: { code: string; createdAt: string }[]): object[] {
  const first = new Map<string, string>()
  for (const { code, createdAt } of rights) {
    const before = first.get(code)
    if (before === undefined || createdAt < before) first.set(code, createdAt)
  }
  return [...first].map(([code, createdAt]) => ({
    ...{ service_code: code, service_title: '', rights_given_at: createdAt },
  }))
}
