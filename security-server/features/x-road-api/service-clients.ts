/** Service clients: candidates for rights, and those who have some. */
import { Fault } from '#schemas/fault.ts'
import { allPages } from './all-pages.ts'
import type { Entry } from './entry.ts'
import { serviceIdOf } from './find-service.ts'
import type { Needs } from './needs.ts'
import type { OwnRight } from './own-views.ts'
import { oncePerCode } from './service-views.ts'
import { type Subject, same, subjectsOf } from './subjects.ts'

type Own = Subject & { name: string }

/** To whom rights can be given, and who has some. */
export function subjectEntries(rooms: Needs): Entry[] {
  const subjects = subjectsOf(rooms)
  return [
    {
      ...{ name: 'findServiceClientCandidates', method: 'GET', status: 200 },
      path: '/clients/:id/service-client-candidates',
      through: ['findServiceClientCandidates'],
      codes: { not_found: 'client_not_found' },
      async answer(asked) {
        const clientId = asked.params['id']!
        const { service_client_type: subjectType } = asked.query
        const input = { params: { clientId }, query: subjectType === undefined ? {} : { subjectType } }
        const all = await allPages<Own>(asked, 'findServiceClientCandidates', input)
        return all.filter(fits(asked.query, rooms.server.instance)).map((one) => subjects.view(clientId, one))
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
        return oncePerCode(
          rights
            .filter(({ wholeService }) => wholeService)
            .map(({ fullServiceId, createdAt }) => ({
              ...{ code: serviceIdOf(fullServiceId).serviceCode, createdAt },
            })),
        )
      },
    },
  ]
}

/**
 * As X-Road searches: each parameter in its own part of the id, in any case of letters. A part that an id has
 * not does not fit.
 */
function fits(query: Record<string, unknown>, instance: string): (one: Own) => boolean {
  const has = (text: string | undefined, name: string): boolean =>
    query[name] === undefined || text?.toLowerCase().includes(String(query[name]).toLowerCase()) === true
  return ({ name, subjectType, subjectId }) => {
    const isClient = subjectType === 'SUBSYSTEM'
    const [ofClient, memberClass, member, subsystem] = isClient ? subjectId.split(':') : []
    // A local group belongs to this server, so to its instance.
    return (
      has(name, 'member_name_group_description') &&
      has(ofClient ?? instance, 'instance') &&
      has(memberClass, 'member_class') &&
      has(isClient ? member : subjectId, 'member_group_code') &&
      has(subsystem, 'subsystem_code')
    )
  }
}
