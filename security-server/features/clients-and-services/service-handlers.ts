/** Service descriptions, services, endpoints and access rights. */

import { answer } from '#platform/http-service/answer.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import { bodyBytes } from '#platform/http-service/read-bodies.ts'
import { clientIdOf, colonForm, subsystemIdOf } from '#schemas/colon-identifiers.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import type { FetchedDocument } from '../../local-systems/join-wsdl.ts'
import { clientIn, descriptionIn, serviceIn, serviceOfEndpoint } from '../../local-systems/manage.ts'
import type { ServiceChange } from '../../local-systems/service-rows.ts'
import { fetchDescription } from './fetch-description.ts'
import { judgeAlone } from './judge-alone.ts'
import type { Needs } from './needs.ts'
import { checkNotSwitched } from './switched-services.ts'
import { viewsWith } from './views.ts'

type NewDescription = {
  type: 'REST' | 'OPENAPI' | 'WSDL'
  serviceCode?: string
  url?: string
  document?: string
  documentUrl?: string
} & ServiceChange

type AskedServices = { q?: string; clientId?: string; offset: number; limit: number }

/** X-Road's switches: the setting is changed in all services of the description. */
type ToAll = { urlAll?: boolean; timeoutAll?: boolean; verifyTlsAll?: boolean; validateAll?: boolean }

type NewRight = {
  subjectType: 'SUBSYSTEM' | 'GLOBALGROUP' | 'LOCALGROUP'
  subjectId: string
  endpointId?: number
}

export function serviceHandlers(rooms: Needs): Handlers {
  const { localSystems } = rooms
  const show = viewsWith(rooms)
  const descriptionOf = (params: Record<string, string>) =>
    descriptionIn(localSystems.view(), Number(params['id']))
  const serviceOf = (params: Record<string, string>) => serviceIn(localSystems.view(), Number(params['id']))

  return {
    async getClientServiceDescriptions({ params, query }) {
      const { q = '', offset, limit } = query as { q?: string; offset: number; limit?: number }
      const { descriptions } = clientIn(localSystems.view(), clientIdOf(params['clientId']))
      const wanted = q.toLowerCase()
      const found = descriptions.filter(({ url, services }) =>
        [url, ...services.map(({ service }) => idText(service.id))].join(' ').toLowerCase().includes(wanted),
      )
      const page = found.slice(offset, limit === undefined ? undefined : offset + limit)
      return answer(page.map(show.description), { headers: { 'x-total-count': String(found.length) } })
    },
    async addClientServiceDescription({ params, body }) {
      const { type, serviceCode, ...given } = body as NewDescription
      const client = subsystemIdOf(params['clientId'])
      clientIn(localSystems.view(), client)
      checkServiceCode(type, serviceCode)
      const source = await documentOf(rooms, type, given)
      const { document, parts } = source
      const made =
        type === 'WSDL'
          ? await localSystems.addWsdl({ ...given, client, document: document!, parts })
          : await localSystems.addDescription({ ...given, client, code: serviceCode!, document })
      const warnings = [...made.warnings, ...source.warnings]
      return { ...show.description(descriptionIn(localSystems.view(), made.description)), warnings }
    },
    getServiceDescription: async ({ params }) => show.description(descriptionOf(params)),
    async deleteServiceDescription({ params }) {
      checkNotSwitched(descriptionOf(params))
      await localSystems.deleteDescription(Number(params['id']))
    },
    async enableServiceDescription({ params }) {
      await localSystems.setDisabled(Number(params['id']), false)
      return show.description(descriptionOf(params))
    },
    async disableServiceDescription({ params, body }) {
      const { notice } = (body ?? {}) as { notice?: string }
      checkNotSwitched(descriptionOf(params))
      await localSystems.setDisabled(Number(params['id']), true, notice)
      return show.description(descriptionOf(params))
    },
    async findServices({ query }) {
      const { q = '', clientId, offset, limit } = query as AskedServices
      const wanted = q.toLowerCase()
      const view = localSystems.view()
      const all =
        clientId === undefined
          ? [...view.servicesByKey.values()]
          : clientIn(view, clientIdOf(clientId)).descriptions.flatMap(({ services }) => services)
      const found = all.filter((one) =>
        `${colonForm(idText(one.service.id))} ${one.service.url}`.toLowerCase().includes(wanted),
      )
      const headers = { 'x-total-count': String(found.length) }
      return answer(found.slice(offset, offset + limit).map(show.service), { headers })
    },
    getService: async ({ params }) => show.service(serviceOf(params)),
    async updateService({ params, body, approver }) {
      const { urlAll, timeoutAll, verifyTlsAll, validateAll, ...change } = body as ServiceChange & ToAll
      const all = { url: urlAll, timeoutMs: timeoutAll, verifyTls: verifyTlsAll, validate: validateAll }
      const toAll = Object.entries(all)
        .filter(([, isForAll]) => isForAll === true)
        .map(([field]) => field as keyof ServiceChange)
      const missing = toAll.find((field) => change[field] === undefined)
      if (missing !== undefined)
        throw new Fault('invalid_input', { what: say`${missing} for all services is not given` })
      if (Object.keys(change).length === 0)
        throw new Fault('invalid_input', { what: say`nothing is to change` })
      checkNotSwitched(descriptionIn(localSystems.view(), serviceOf(params).description))
      const judge = await judgeAlone(rooms, 'updateService', { params, body, approver })
      await localSystems.updateService(serviceOf(params).key, change, { toAll, judge })
      return show.service(serviceOf(params))
    },
    async addServiceTlsCertificate({ params, body, approver }) {
      const judge = await judgeAlone(rooms, 'addServiceTlsCertificate', { params, body, approver })
      const sha256 = await localSystems.addServiceCertificate(serviceOf(params).key, bodyBytes(body), judge)
      return show.service(serviceOf(params)).tlsCertificates.find((each) => each.sha256 === sha256)
    },
    async deleteServiceTlsCertificate({ params, body, approver }) {
      const judge = await judgeAlone(rooms, 'deleteServiceTlsCertificate', { params, body, approver })
      const sha256 = params['sha256']!.toLowerCase()
      await localSystems.deleteServiceCertificate(Number(params['id']), sha256, judge)
    },
    async addEndpoint({ params, body }) {
      const { method, path } = body as { method: string; path: string }
      const id = await localSystems.addEndpoint(serviceOf(params).key, method, path)
      return serviceOf(params).endpoints.find((each) => each.id === id)
    },
    async updateEndpoint({ params, body, approver }) {
      const id = Number(params['id'])
      const judge = await judgeAlone(rooms, 'updateEndpoint', { params, body, approver })
      await localSystems.updateEndpoint(id, body as { method: string; path: string }, judge)
      return serviceOfEndpoint(localSystems.view(), id).endpoints.find((each) => each.id === id)
    },
    deleteEndpoint: ({ params }) => localSystems.deleteEndpoint(Number(params['id'])),
    getAccessRights: async ({ params }) => show.accessRights(serviceOf(params)),
    async addAccessRight({ params, body }) {
      const { subjectType, subjectId, endpointId } = body as NewRight
      const { key, endpoints } = serviceOf(params)
      const id = subjectType === 'SUBSYSTEM' ? idText(subsystemIdOf(subjectId)) : subjectId
      const subject = { type: subjectType, id }
      if (endpointId !== undefined && !endpoints.some((each) => each.id === endpointId)) {
        throw new Fault('not_found', { what: say`endpoint ${endpointId} of this service` })
      }
      const right =
        endpointId === undefined
          ? await localSystems.grantService(key, subject)
          : await localSystems.grantEndpoint(endpointId, subject)
      return show.accessRights(serviceOf(params)).find((each) => each.id === right)
    },
    deleteAccessRight: ({ params }) => localSystems.revoke(serviceOf(params).key, Number(params['rightId'])),
  }
}

/** A WSDL document names its services itself. */
function checkServiceCode(type: NewDescription['type'], serviceCode: string | undefined): void {
  if ((serviceCode === undefined) !== (type === 'WSDL'))
    throw new Fault('invalid_input', { what: say`REST and OPENAPI need a serviceCode, WSDL has its own` })
}

/**
 * The document from the request or fetched from its address. Undefined for REST. Throws `invalid_input`
 * unless OPENAPI and WSDL have exactly one of the two and REST has none.
 */
async function documentOf(
  rooms: Needs,
  type: NewDescription['type'],
  q: Pick<NewDescription, 'document' | 'documentUrl'>,
): Promise<Omit<FetchedDocument, 'document'> & { document: string | undefined }> {
  const sources = [q.document, q.documentUrl].filter((each) => each !== undefined).length
  if (sources !== (type === 'REST' ? 0 : 1)) {
    throw new Fault('invalid_input', {
      what: say`OPENAPI and WSDL need document or documentUrl, REST neither`,
    })
  }
  if (q.documentUrl !== undefined) return fetchDescription(type, q.documentUrl, rooms)
  return { document: q.document, parts: [], warnings: [] }
}
