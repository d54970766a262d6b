/** Endpoints, and who may call them or whole services. */
import { Fault } from '#schemas/fault.ts'
import type { Asked, Entry, OwnInput } from './entry.ts'
import { fieldsOf } from './fields.ts'
import { serviceIdOf, serviceNumber, serviceOfEndpoint } from './find-service.ts'
import type { Needs } from './needs.ts'
import type { OwnDescription, OwnRight, OwnService } from './own-views.ts'
import { subjectEntries } from './service-clients.ts'
import { endpointView, oncePerCode, rightsAmong, rightViews } from './service-views.ts'
import { type Subject, same, subjectsOf } from './subjects.ts'

const ENDPOINT = '/endpoints/:id'

/** A service, or one of its endpoints. */
type Place = { params: { id: string }; endpointId?: number }

export function accessRightEntries(rooms: Needs): Entry[] {
  const view = () => rooms.localSystems.view()
  const ofService = ({ params }: Asked): Place => ({
    params: { id: String(serviceNumber(view(), params['id'])) },
  })
  const ofEndpoint = ({ params }: Asked): Place => ({
    params: { id: String(serviceOfEndpoint(view(), params['id']).key) },
    endpointId: Number(params['id']),
  })
  return [
    ...rightEntries(rooms, 'Service', '/services/:id/service-clients', ofService),
    ...rightEntries(rooms, 'Endpoint', `${ENDPOINT}/service-clients`, ofEndpoint),
    ...endpointEntries(ofService, ofEndpoint),
    ...subjectEntries(rooms),
    ...rightsOfSubject(rooms),
  ]
}

function rightEntries(rooms: Needs, of: string, path: string, placeOf: (asked: Asked) => Place): Entry[] {
  const subjects = subjectsOf(rooms)
  const read = async (asked: Asked) => {
    const { params, endpointId } = placeOf(asked)
    const { fullServiceId, accessRights } = await asked.call<OwnService>('getService', { params })
    const { clientId } = serviceIdOf(fullServiceId)
    return { params, endpointId, clientId, rights: rightsAmong(accessRights, endpointId) }
  }
  const given = (asked: Asked, clientId: string): Subject[] =>
    fieldsOf(asked.body)
      .parts('items')
      .map((item) => subjects.read(clientId, item))
  return [
    {
      ...{ name: `get${of}ServiceClients`, method: 'GET', path, status: 200, through: ['getService'] },
      async answer(asked) {
        const { clientId, rights } = await read(asked)
        return rightViews(subjects, clientId, rights)
      },
    },
    {
      ...{ name: `add${of}ServiceClients`, method: 'POST', path, status: of === 'Service' ? 200 : 201 },
      through: ['getService', 'addAccessRight'],
      codes: { conflict: 'duplicate_accessright' },
      async answer(asked) {
        const { params, endpointId, clientId, rights } = await read(asked)
        const wanted = given(asked, clientId)
        // What is given already is refused before the first is given. What fails later leaves those before it
        // given.
        if (wanted.some((one) => rights.some((right) => same(right, one))))
          throw new Fault('conflict', { what: `one of them has this right already` })
        const calls = wanted.map((subject) => ({
          ...{ params, body: { ...subject, ...(endpointId === undefined ? {} : { endpointId }) } },
        }))
        return rightViews(subjects, clientId, await giveAll(asked, calls))
      },
    },
    {
      ...{ name: `delete${of}ServiceClients`, method: 'POST', path: `${path}/delete`, status: 204 },
      through: ['getService', 'deleteAccessRight'],
      codes: { not_found: 'accessright_not_found' },
      async answer(asked) {
        const { params, clientId, rights } = await read(asked)
        const found = given(asked, clientId).map((one) => rights.find((right) => same(right, one)))
        for (const right of found) {
          if (right === undefined) throw new Fault('not_found', { what: `one of them has no such right` })
        }
        for (const right of found)
          await asked.call('deleteAccessRight', { params: { ...params, rightId: String(right!.id) } })
      },
    },
  ]
}

/**
 * Gives rights one after another. Throws `invalid_input` before the first of several if a second person
 * decides about one.
 */
async function giveAll(asked: Asked, calls: OwnInput[]): Promise<OwnRight[]> {
  const instead = 'ask for each right by a request of its own, with X-Reason'
  if (calls.length > 1) await asked.checkForOne('addAccessRight', calls, instead)
  const made: OwnRight[] = []
  for (const call of calls) made.push(await asked.call<OwnRight>('addAccessRight', call))
  return made
}

function endpointEntries(ofService: (asked: Asked) => Place, ofEndpoint: (asked: Asked) => Place): Entry[] {
  return [
    {
      ...{ name: 'addEndpoint', method: 'POST', path: '/services/:id/endpoints', status: 201 },
      through: ['getService', 'addEndpoint'],
      codes: { conflict: 'endpoint_already_exists', not_found: 'service_not_found' },
      async answer(asked) {
        const { params } = ofService(asked)
        const given = fieldsOf(asked.body)
        const body = { method: given.text('method'), path: given.text('path') }
        const service = await asked.call<OwnService>('getService', { params })
        const made = await asked.call<OwnService['endpoints'][number]>('addEndpoint', { params, body })
        return endpointView(service, made)
      },
    },
    {
      ...{ name: 'getEndpoint', method: 'GET', path: ENDPOINT, status: 200, through: ['getService'] },
      codes: { not_found: 'endpoint_not_found' },
      async answer(asked) {
        const { params, endpointId } = ofEndpoint(asked)
        const service = await asked.call<OwnService>('getService', { params })
        const endpoint = service.endpoints.find(({ id }) => id === endpointId)
        if (endpoint === undefined)
          throw new Fault('not_found', { what: `no endpoint ${String(endpointId)}` })
        return endpointView(service, endpoint)
      },
    },
    {
      ...{ name: 'updateEndpoint', method: 'PATCH', path: ENDPOINT, status: 200 },
      through: ['getService', 'updateEndpoint'],
      codes: { conflict: 'endpoint_already_exists', not_found: 'endpoint_not_found' },
      answer: (asked) => moved(asked, ofEndpoint(asked)),
    },
    {
      ...{
        name: 'deleteEndpoint',
        method: 'DELETE',
        path: ENDPOINT,
        status: 204,
        through: ['deleteEndpoint'],
      },
      codes: { not_found: 'endpoint_not_found' },
      answer: async ({ params, call }) => void (await call('deleteEndpoint', { params })),
    },
  ]
}

async function moved({ body, call }: Asked, { params, endpointId }: Place): Promise<object> {
  const given = fieldsOf(body)
  const service = await call<OwnService>('getService', { params })
  const present = service.endpoints.find(({ id }) => id === endpointId)
  if (present === undefined || present.base || present.generated)
    throw new Fault('invalid_input', { what: `the endpoint is not one that was added by hand` })
  const to = { method: given.text('method'), path: given.text('path') }
  if (to.method === present.method && to.path === present.path) return endpointView(service, present)
  const input = { params: { id: String(endpointId) }, body: to }
  return endpointView(service, await call<typeof present>('updateEndpoint', input))
}

/**
 * Rights of one subject at several services of a client. X-Road names them by codes without a version, and
 * means every version.
 */
function rightsOfSubject(rooms: Needs): Entry[] {
  const subjects = subjectsOf(rooms)
  const path = '/clients/:id/service-clients/:scId/access-rights'
  const read = async (asked: Asked) => {
    const clientId = asked.params['id']!
    const subject = subjects.parse(clientId, asked.params['scId']!, undefined)
    const descriptions = await asked.call<OwnDescription[]>('getClientServiceDescriptions', {
      params: { clientId },
    })
    const services = descriptions.flatMap((one) => one.services)
    const wanted = fieldsOf(asked.body)
      .parts('items')
      .map((item) => item.text('service_code'))
    return [...new Set(wanted)].map((code) => {
      const versions = services
        .filter(({ serviceCode }) => serviceCode === code)
        .map(({ id, accessRights }) => ({
          params: { id: String(id) },
          right: rightsAmong(accessRights).find((one) => same(one, subject)),
        }))
      if (versions.length === 0) throw new Fault('not_found', { what: `no service ${code.slice(0, 300)}` })
      return { subject, code, versions }
    })
  }
  return [
    {
      ...{ name: 'addServiceClientAccessRights', method: 'POST', path, status: 201 },
      through: ['getClientServiceDescriptions', 'addAccessRight'],
      codes: { conflict: 'duplicate_accessright', not_found: 'service_not_found' },
      async answer(asked) {
        const missing = (await read(asked)).map(({ versions, ...one }) => ({
          ...{ ...one, without: versions.filter(({ right }) => right === undefined) },
        }))
        if (missing.some(({ without }) => without.length === 0))
          throw new Fault('conflict', { what: `one of them has this right already` })
        const calls = missing.flatMap(({ code, subject, without }) =>
          without.map(({ params }) => ({ code, call: { params, body: { ...subject } } })),
        )
        const made = await giveAll(
          asked,
          calls.map(({ call }) => call),
        )
        return oncePerCode(made.map(({ createdAt }, at) => ({ code: calls[at]!.code, createdAt })))
      },
    },
    {
      ...{ name: 'deleteServiceClientAccessRights', method: 'POST', path: `${path}/delete`, status: 204 },
      through: ['getClientServiceDescriptions', 'deleteAccessRight'],
      codes: { not_found: 'accessright_not_found' },
      async answer(asked) {
        const given = (await read(asked)).map(({ versions }) =>
          versions.flatMap(({ params, right }) => (right === undefined ? [] : { params, right })),
        )
        if (given.some((some) => some.length === 0))
          throw new Fault('not_found', { what: `one of them has no such right` })
        for (const { params, right } of given.flat())
          await asked.call('deleteAccessRight', { params: { ...params, rightId: String(right.id) } })
      },
    },
  ]
}
