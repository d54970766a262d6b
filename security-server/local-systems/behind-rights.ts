/**
 * What people who give a right rely on: where calls of the service go, how its system is recognised, and
 * which calls are let through. Where access rights take two people, one of them alone changes none of it
 * afterwards. Pure.
 */
import type { CallInput } from '#platform/http-service/four-eyes.ts'
import { descriptionIn, serviceIn, serviceOfEndpoint } from './manage.ts'
import type { ServiceChange } from './service-rows.ts'
import type { ServiceView, View } from './view.ts'

/** Time-outs and places for calls change how well a service is reached, not what it is. */
const RELIED_ON = ['url', 'verifyTls', 'validate', 'allowEncodedSlash'] as const
const FOR_ALL = { url: 'urlAll', verifyTls: 'verifyTlsAll', validate: 'validateAll' } as const

type Call = Pick<CallInput, 'params' | 'body'>

/**
 * The services of which a call of such an operation would change something that is relied on, whether or not
 * they have rights yet.
 */
const CHANGED: Record<string, (view: View, call: Call) => ServiceView[]> = {
  updateService: (view, call) => {
    const own = ofCall(view, call)
    const change = call.body as ServiceChange &
      Partial<Record<(typeof FOR_ALL)[keyof typeof FOR_ALL], boolean>>
    return descriptionIn(view, own.description).services.filter((one) =>
      RELIED_ON.some((field) => {
        const isMeant =
          one.key === own.key || (field !== 'allowEncodedSlash' && change[FOR_ALL[field]] === true)
        return isMeant && change[field] !== undefined && change[field] !== one.service[field]
      }),
    )
  },
  addServiceTlsCertificate: (view, call) => [ofCall(view, call)],
  deleteServiceTlsCertificate: (view, call) => [ofCall(view, call)],
  // A right to a service is one to all that its address answers. A document narrows that only where messages
  // are held against it.
  acceptRefreshedDocument: (view, call) => validated(view, call),
  replaceServiceDescriptionDocument: (view, call) => validated(view, call),
  changeServiceDescriptionAddress: (view, call) => validated(view, call),
  // Who has a right to it may call what it becomes.
  updateEndpoint: (view, { params }) => {
    const id = Number(params['id'])
    const service = serviceOfEndpoint(view, id)
    return [{ ...service, accessRights: service.accessRights.filter(({ endpoint }) => endpoint === id) }]
  },
}

/** Throws `not_found`. An operation that is not among these changes nothing that rights rely on. */
export function changedBehindRights(view: View, operation: string, call: Call): ServiceView[] {
  return CHANGED[operation]?.(view, call) ?? []
}

/** Whether this operation takes two people only for services that have rights. */
export function isBehindRights(operation: string): boolean {
  return Object.hasOwn(CHANGED, operation)
}

export function hasRights({ accessRights }: Pick<ServiceView, 'accessRights'>): boolean {
  return accessRights.length > 0
}

function ofCall(view: View, { params }: Call): ServiceView {
  return serviceIn(view, Number(params['id']))
}

function validated(view: View, { params }: Call): ServiceView[] {
  return descriptionIn(view, Number(params['id'])).services.filter(
    ({ service }) => service.validate !== 'NONE',
  )
}
