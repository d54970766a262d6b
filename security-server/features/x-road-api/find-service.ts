/** What X-Road's ids of services and endpoints name here. Our operations name both by numbers. */
import { colonForm } from '#schemas/colon-identifiers.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import type { ServiceView, View } from '../../local-systems/view.ts'

/** X-Road's id of a service, CLIENT:CODE or CLIENT:CODE.VERSION; `code` is the part behind the client. */
export function serviceIdOf(fullServiceId: string): { clientId: string; code: string; serviceCode: string } {
  const [instance, memberClass, member, subsystem, serviceCode = '', ...version] = fullServiceId.split(':')
  return {
    clientId: [instance, memberClass, member, subsystem].join(':'),
    code: [serviceCode, ...version].join('.'),
    serviceCode,
  }
}

/**
 * The number of the service. Throws `not_found`, and `invalid_input` for an id of two: a code may contain a
 * dot itself, so `get.v1` may be one service and the version v1 of another.
 */
export function serviceNumber(view: View, id: string | undefined): number {
  const found = [...view.services.values()].filter(({ service }) => {
    const { clientId, code } = serviceIdOf(colonForm(idText(service.id)))
    return `${clientId}:${code}` === id
  })
  const [one, ...others] = found
  if (one === undefined) throw new Fault('not_found', { what: `no service ${(id ?? '').slice(0, 300)}` })
  if (others.length === 0) return one.key
  const numbers = found.map(({ key }) => key).join(' and ')
  throw new Fault('invalid_input', {
    what: `two services have this id, ${numbers}: use the management API of this server, which names them by number`,
  })
}

/** The service of an endpoint. Throws `not_found`. */
export function serviceOfEndpoint(view: View, id: string | undefined): ServiceView {
  for (const service of view.servicesByKey.values())
    if (service.endpoints.some((one) => String(one.id) === id)) return service
  throw new Fault('not_found', { what: `no endpoint ${(id ?? '').slice(0, 50)}` })
}
