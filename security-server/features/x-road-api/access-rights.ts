/** Endpoints, and who may call them or whole services. */
import { Fault } from '#schemas/fault.ts'
import { allPages } from './all-pages.ts'
import type { Asked, Entry } from './entry.ts'
import { fieldsOf } from './fields.ts'
import { serviceIdOf, serviceNumber, serviceOfEndpoint } from './find-service.ts'
import type { Needs } from './needs.ts'
import type { OwnDescription, OwnRight, OwnService } from './own-views.ts'
import { endpointView, rightsAmong, rightViews } from './service-views.ts'
import { type Subject, subjectsOf } from './subjects.ts'

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
        // All or none: what is given already is refused before the first is given.
        if (wanted.some((one) => rights.some((right) => same(right, one))))
          throw new Fault('conflict', { what: `one of them has this right already` })
        const made: OwnRight[] = []
        for (const subject of wanted) {
          const body = { ...subject, ...(endpointId === undefined ? {} : { endpointId }) }
          made.push(await asked.call<OwnRight>('addAccessRight', { params, body }))
        }
        return rightViews(subjects, clientId, made)
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
      through: ['getService', 'addEndpoint', 'addAccessRight', 'deleteEndpoint'],
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

/**
 * Another endpoint with the rights of this one takes its place, under another number. The old one goes last: whoever might call it, and a
 * step that fails, find one of the two.
 */
async function moved(asked: Asked, { params, endpointId }: Place): Promise<object> {
  const { call } = asked
  const given = fieldsOf(asked.body)
  const service = await call<OwnService>('getService', { params })
  const present = service.endpoints.find(({ id }) => id === endpointId)
  if (present === undefined || present.base || present.generated)
    throw new Fault('invalid_input', { what: `the endpoint is not one that was added by hand` })
  const body = { method: given.text('method'), path: given.text('path') }
  if (body.method === present.method && body.path === present.path) return endpointView(service, present)
  const made = await call<typeof present>('addEndpoint', { params, body })
  for (const { subjectType, subjectId } of rightsAmong(service.accessRights, endpointId))
    await call('addAccessRight', { params, body: { subjectType, subjectId, endpointId: made.id } })
  await call('deleteEndpoint', { params: { id: String(endpointId) } })
  return endpointView(service, made)
}

/** Rights of one subject at several services of a client: all or none. */
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
    return wanted.map((code) => {
      const service = services.find((one) => serviceIdOf(one.fullServiceId).code === code)
      if (service === undefined) throw new Fault('not_found', { what: `no service ${code.slice(0, 300)}` })
      const right = rightsAmong(service.accessRights).find((one) => same(one, subject))
      return { service, subject, right, code, params: { id: String(service.id) } }
    })
  }
  return [
    {
      ...{ name: 'addServiceClientAccessRights', method: 'POST', path, status: 201 },
      through: ['getClientServiceDescriptions', 'addAccessRight'],
      codes: { conflict: 'duplicate_accessright', not_found: 'service_not_found' },
      async answer(asked) {
        const all = await read(asked)
        if (all.some(({ right }) => right !== undefined))
          throw new Fault('conflict', { what: `one of them has this right already` })
        const made: object[] = []
        for (const { params, subject, code } of all) {
          const { createdAt } = await asked.call<OwnRight>('addAccessRight', { params, body: { ...subject } })
          made.push({ service_code: code, service_title: '', rights_given_at: createdAt })
        }
        return made
      },
    },
    {
      ...{ name: 'deleteServiceClientAccessRights', method: 'POST', path: `${path}/delete`, status: 204 },
      through: ['getClientServiceDescriptions', 'deleteAccessRight'],
      codes: { not_found: 'accessright_not_found' },
      async answer(asked) {
        const all = await read(asked)
        if (all.some(({ right }) => right === undefined))
          throw new Fault('not_found', { what: `one of them has no such right` })
        for (const { params, right } of all)
          await asked.call('deleteAccessRight', { params: { ...params, rightId: String(right!.id) } })
      },
    },
  ]
}

function same(one: Subject, other: Subject): boolean {
  return one.subjectType === other.subjectType && one.subjectId === other.subjectId
}

function subjectEntries(rooms: Needs): Entry[] {
  const subjects = subjectsOf(rooms)
  type Own = Subject & { name: string }
  const has = (text: string, part: unknown): boolean =>
    part === undefined || text.toLowerCase().includes(String(part).toLowerCase())
  return [
    {
      ...{ name: 'findServiceClientCandidates', method: 'GET', status: 200 },
      path: '/clients/:id/service-client-candidates',
      through: ['findServiceClientCandidates'],
      codes: { not_found: 'client_not_found' },
      async answer(asked) {
        const clientId = asked.params['id']!
        const {
          service_client_type: subjectType,
          member_name_group_description: name,
          ...codes
        } = asked.query
        const input = { params: { clientId }, query: subjectType === undefined ? {} : { subjectType } }
        const all = await allPages<Own>(asked, 'findServiceClientCandidates', input)
        return all
          .filter(
            (one) => has(one.name, name) && Object.values(codes).every((code) => has(one.subjectId, code)),
          )
          .map((one) => subjects.view(clientId, one))
      },
    },
    {
      ...{
        name: 'getClientServiceClients',
        method: 'GET',
        path: '/clients/:id/service-clients',
        status: 200,
      },
      through: ['getServiceClients'],
      codes: { not_found: 'client_not_found' },
      async answer(asked) {
        const clientId = asked.params['id']!
        const all = await allPages<Own>(asked, 'getServiceClients', { params: { clientId } })
        return all.map((one) => subjects.view(clientId, one))
      },
    },
    {
      ...{ name: 'getServiceClient', method: 'GET', path: '/clients/:id/service-clients/:scId', status: 200 },
      through: ['getServiceClients'],
      codes: { not_found: 'service_client_not_found' },
      async answer(asked) {
        const clientId = asked.params['id']!
        const wanted = subjects.parse(clientId, asked.params['scId']!, undefined)
        const all = await allPages<Own>(asked, 'getServiceClients', { params: { clientId } })
        const found = all.find((one) => same(one, wanted))
        if (found === undefined) throw new Fault('not_found', { what: `one of them has no such right` })
        return subjects.view(clientId, found)
      },
    },
    {
      ...{ name: 'getServiceClientAccessRights', method: 'GET', status: 200 },
      path: '/clients/:id/service-clients/:scId/access-rights',
      through: ['getServiceClientAccessRights'],
      codes: { not_found: 'client_not_found' },
      async answer(asked) {
        const clientId = asked.params['id']!
        const query = subjects.parse(clientId, asked.params['scId']!, undefined)
        const input = { params: { clientId }, query: { ...query } }
        const rights = await allPages<OwnRight & { fullServiceId: string }>(
          ...([asked, 'getServiceClientAccessRights', input] as const),
        )
        return rights
          .filter(({ wholeService }) => wholeService)
          .map(({ fullServiceId, createdAt }) => ({
            ...{
              service_code: serviceIdOf(fullServiceId).code,
              service_title: '',
              rights_given_at: createdAt,
            },
          }))
      },
    },
  ]
}
