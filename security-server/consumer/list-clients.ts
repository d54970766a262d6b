/** GET /listClients: the members and subsystems of an instance, JSON or XML, unsigned (pr-meta). */
import type { FastifyInstance } from 'fastify'
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'
import type { ClientId } from '#schemas/identifiers.ts'
import type { GlobalConfiguration } from '../global-configuration/global-configuration.ts'
import { refuseRequest } from './routes.ts'

type Listed = { id: ClientId; name: string; subsystemName: string | undefined }

export function listClientsRoute(
  app: FastifyInstance,
  globalConfiguration: Pick<GlobalConfiguration, 'current'>,
  log: Log,
): void {
  app.get('/listClients', { exposeHeadRoute: false }, async (request, reply) => {
    try {
      const { xRoadInstance } = request.query as { xRoadInstance?: string | string[] }
      const snapshot = globalConfiguration.current()
      const instance = typeof xRoadInstance === 'string' ? xRoadInstance : snapshot.instance
      const index = snapshot.indexFor(instance)
      if (index === undefined) throw new Fault('invalid_request', { what: 'this instance is not known here' })
      const listed = clientsOf(index)
      if (/application\/json/i.test(request.headers.accept ?? '')) {
        return await reply.type('application/json;charset=utf-8').send({ member: listed.map(jsonOf) })
      }
      return await reply.type('text/xml;charset=utf-8').send(xmlOf(listed))
    } catch (cause) {
      return refuseRequest(request, reply, cause, log)
    }
  })
}

function clientsOf(index: ConfigurationIndex): Listed[] {
  return index.shared.members.flatMap((member) => [
    { id: member.id, name: member.name, subsystemName: undefined },
    ...member.subsystems.map((subsystem) => ({
      id: subsystem.id,
      name: member.name,
      subsystemName: subsystem.name,
    })),
  ])
}

function jsonOf({ id, name, subsystemName }: Listed): object {
  return {
    id: {
      member_class: id.memberClass,
      member_code: id.memberCode,
      object_type: id.subsystemCode === undefined ? 'MEMBER' : 'SUBSYSTEM',
      subsystem_code: id.subsystemCode,
      xroad_instance: id.instance,
    },
    name,
    subsystem_name: subsystemName,
  }
}

function xmlOf(listed: Listed[]): string {
  const members = listed.map(({ id, name, subsystemName }) => {
    const type = id.subsystemCode === undefined ? 'MEMBER' : 'SUBSYSTEM'
    const subsystem = id.subsystemCode === undefined ? '' : element('id:subsystemCode', id.subsystemCode)
    const codes = [
      element('id:xRoadInstance', id.instance),
      element('id:memberClass', id.memberClass),
      element('id:memberCode', id.memberCode),
    ]
    const named = subsystemName === undefined ? '' : element('xroad:subsystemName', subsystemName)
    const identifier = `<xroad:id id:objectType="${type}">${codes.join('')}${subsystem}</xroad:id>`
    return `<xroad:member>${identifier}${element('xroad:name', name)}${named}</xroad:member>`
  })
  const namespaces =
    'xmlns:xroad="http://x-road.eu/xsd/xroad.xsd" xmlns:id="http://x-road.eu/xsd/identifiers"'
  return `<?xml version="1.0" encoding="UTF-8"?><xroad:clientList ${namespaces}>${members.join('')}</xroad:clientList>`
}

function element(name: string, text: string): string {
  const escaped = text.replace(/[<>&]/g, (sign) => ({ '<': '&lt;', '>': '&gt;', '&': '&amp;' })[sign]!)
  return `<${name}>${escaped}</${name}>`
}
