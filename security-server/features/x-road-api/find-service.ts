/** What X-Road's ids of services and endpoints name here. Our operations name both by numbers. */
import { colonForm } from '#schemas/colon-identifiers.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import type { ServiceView, View } from '../../local-systems/view.ts'

/** X-Road's id of a service, CLIENT:CODE or CLIENT:CODE.VERSION. */
export function serviceIdOf(fullServiceId: string): { clientId: string; code: string } {
  const [instance, memberClass, member, subsystem, ...code] = fullServiceId.split(':')
  return { clientId: [instance, memberClass, member, subsystem].join(':'), code: code.join('.') }
}

/** The number of the service. Throws `not_found`. A version or not: a code may contain a dot itself. */
export function serviceNumber(view: View, id: string | undefined): number {
  for (const { key, service } of view.services.values()) {
    const { clientId, code } = serviceIdOf(colonForm(idText(service.id)))
    if (`${clientId}:${code}` === id) return key
  }
  throw new Fault('not_found', { what: `no service ${(id ?? '').slice(0, 300)}` })
}

/** The service of an endpoint. Throws `not_found`. */
export function serviceOfEndpoint(view: View, id: string | undefined): ServiceView {
  for (const service of view.servicesByKey.values())
    if (service.endpoints.some((one) => String(one.id) === id)) return service
  throw new Fault('not_found', { what: `no endpoint ${(id ?? '').slice(0, 50)}` })
}
