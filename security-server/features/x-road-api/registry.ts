/** What the configuration says of the instance: servers, members and their classes. Everybody may read it. */
import { clientIdOf, colonForm } from '#schemas/colon-identifiers.ts'
import { Fault } from '#schemas/fault.ts'
import type { SecurityServerInfo } from '#schemas/global-configuration.ts'
import { idText, type ServerId } from '#schemas/identifiers.ts'
import { inForce } from '../../global-configuration/snapshot.ts'
import type { Entry } from './entry.ts'
import { flagIn } from './fields.ts'
import type { Needs } from './needs.ts'

export function registryEntries({ server, globalConfiguration }: Needs): Entry[] {
  const shared = () => globalConfiguration.current().index.shared
  const open = { status: 200, through: [], roles: ['any'] } as const
  const own = () => serverView({ id: server, ...inForce(globalConfiguration)?.index.server(server) })
  return [
    {
      ...{ name: 'getSecurityServers', method: 'GET', path: '/security-servers', ...open },
      answer: ({ query }) =>
        flagIn(query, 'current_server') === true ? [own()] : shared().securityServers.map(serverView),
    },
    {
      ...{ name: 'getSecurityServer', method: 'GET', path: '/security-servers/:id', ...open },
      codes: { not_found: 'security_server_not_found' },
      answer({ params }) {
        const found = shared().securityServers.find(({ id }) => colonForm(idText(id)) === params['id'])
        if (found === undefined) throw new Fault('not_found', { what: `this security server` })
        return serverView(found)
      },
    },
    {
      ...{ name: 'getClientSecurityServers', method: 'GET', path: '/clients/:id/security-servers', ...open },
      answer: ({ params }) => {
        const id = clientIdOf(params['id'])
        return (globalConfiguration.current().indexFor(id.instance)?.serversOf(id) ?? []).map(serverView)
      },
    },
    {
      ...{ name: 'getXRoadInstances', method: 'GET', path: '/xroad-instances', ...open },
      answer: () => [...globalConfiguration.current().indexes()].map(({ instance }) => instance),
    },
    {
      ...{ name: 'getMemberClasses', method: 'GET', path: '/member-classes', ...open },
      answer: ({ query }) => {
        const indexes =
          flagIn(query, 'current_instance') === true
            ? [globalConfiguration.current().index]
            : [...globalConfiguration.current().indexes()]
        return [...new Set(indexes.flatMap((one) => one.shared.memberClasses.map(({ code }) => code)))].sort()
      },
    },
    {
      ...{ name: 'getMemberClassesForInstance', method: 'GET', path: '/member-classes/:id', ...open },
      codes: { not_found: 'invalid_instance_identifier' },
      answer({ params }) {
        const index = [...globalConfiguration.current().indexes()].find(
          (one) => one.instance === params['id'],
        )
        if (index === undefined) throw new Fault('not_found', { what: `this instance` })
        return index.shared.memberClasses.map(({ code }) => code)
      },
    },
    {
      ...{ name: 'findMemberName', method: 'GET', path: '/member-names', ...open },
      codes: { not_found: 'member_name_not_found' },
      answer({ query }) {
        const { member_class: memberClass, member_code: memberCode } = query
        const found = shared().members.find(
          ({ id }) => id.memberClass === memberClass && id.memberCode === memberCode,
        )
        if (found === undefined) throw new Fault('not_found', { what: `this member` })
        return { member_name: found.name }
      },
    },
  ]
}

function serverView({ id, address }: Pick<SecurityServerInfo, 'address'> & { id: ServerId }): object {
  return {
    ...{ id: colonForm(idText(id)), instance_id: id.instance, member_class: id.memberClass },
    ...{ member_code: id.memberCode, server_code: id.serverCode, server_address: address ?? '' },
  }
}
