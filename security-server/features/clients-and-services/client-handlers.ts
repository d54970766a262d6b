/** Clients, the certificates of their systems, and their local groups. */

import { answer } from '#platform/http-service/answer.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import { bodyBytes } from '#platform/http-service/read-bodies.ts'
import { clientIdOf } from '#schemas/colon-identifiers.ts'
import { Fault } from '#schemas/fault.ts'
import { type ClientId, idText } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { inForce } from '../../global-configuration/snapshot.ts'
import { type ClientStatus, clientStatus } from '../../local-systems/client-status.ts'
import { clientIn, groupIn } from '../../local-systems/manage.ts'
import type { AuthenticationMode, ClientView } from '../../local-systems/view.ts'
import type { Needs } from './needs.ts'
import { checkNothingSwitchedOn } from './switched-services.ts'
import { certificateViews, clientView, groupSummary, viewsWith } from './views.ts'

type AskedClients = { q?: string; status?: ClientStatus; offset: number; limit: number }

export function clientHandlers(rooms: Needs): Handlers {
  const { localSystems, server } = rooms
  const show = viewsWith(rooms)

  const found = (id: ClientId): ClientView => clientIn(localSystems.view(), id)
  const shown = (client: ClientView) => {
    const index = inForce(rooms.globalConfiguration)?.index
    const status = clientStatus(client.standing, index?.isClientOf(server, client.id))
    return clientView(client, status, index)
  }
  const groupOf = (params: Record<string, string>) => groupIn(localSystems.view(), Number(params['id']))

  return {
    async findClients({ query }) {
      const { q = '', status, offset, limit } = query as AskedClients
      const wanted = q.toLowerCase()
      const found = [...localSystems.view().clients.values()]
        .map(shown)
        .filter((one) => status === undefined || one.status === status)
        .filter(({ id, memberName = '', subsystemName = '' }) =>
          `${id} ${subsystemName} ${memberName}`.toLowerCase().includes(wanted),
        )
      const headers = { 'x-total-count': String(found.length) }
      return answer(found.slice(offset, offset + limit), { headers })
    },
    async addClient({ body }) {
      const { id: text, connectionType } = body as { id: string; connectionType?: AuthenticationMode }
      const id = clientIdOf(text)
      if (id.instance !== server.instance) {
        throw new Fault('invalid_input', { what: say`clients of this server belong to ${server.instance}` })
      }
      await localSystems.addClient(id, connectionType)
      return shown(found(id))
    },
    getClient: async ({ params }) => shown(found(clientIdOf(params['clientId']))),
    async updateClient({ params, body }) {
      const id = clientIdOf(params['clientId'])
      await localSystems.setAuthenticationMode(
        id,
        (body as { connectionType: AuthenticationMode }).connectionType,
      )
      return shown(found(id))
    },
    deleteClient: ({ params }) => {
      const id = clientIdOf(params['clientId'])
      return localSystems.deleteClient(id, (view) => checkNothingSwitchedOn(clientIn(view, id)))
    },
    getClientTlsCertificates: async ({ params }) =>
      certificateViews(found(clientIdOf(params['clientId'])).certificates),
    async addClientTlsCertificate({ params, body }) {
      const id = clientIdOf(params['clientId'])
      const { sha256 } = await localSystems.addClientCertificate(id, bodyBytes(body))
      return certificateViews(found(id).certificates).find((each) => each.sha256 === sha256)
    },
    deleteClientTlsCertificate: ({ params }) =>
      localSystems.deleteClientCertificate(clientIdOf(params['clientId']), params['sha256']!.toLowerCase()),

    getClientLocalGroups: async ({ params }) => found(clientIdOf(params['clientId'])).groups.map(show.group),
    async findLocalGroups({ query }) {
      const { q = '', offset, limit } = query as { q?: string; offset: number; limit: number }
      const wanted = q.trim().toLowerCase()
      const found = [...localSystems.view().groups.values()]
        .map(groupSummary)
        .filter((group) =>
          [group.clientId, group.code, group.description].join(' ').toLowerCase().includes(wanted),
        )
      const headers = { 'x-total-count': String(found.length) }
      return answer(found.slice(offset, offset + limit), { headers })
    },
    async addClientLocalGroup({ params, body }) {
      const { code, description } = body as { code: string; description: string }
      const id = await localSystems.addLocalGroup(clientIdOf(params['clientId']), code, description)
      return show.group(groupIn(localSystems.view(), id))
    },
    getLocalGroup: async ({ params }) => show.group(groupOf(params)),
    async updateLocalGroup({ params, body }) {
      await localSystems.describeLocalGroup(groupOf(params).id, (body as { description: string }).description)
      return show.group(groupOf(params))
    },
    deleteLocalGroup: ({ params }) => localSystems.deleteLocalGroup(Number(params['id'])),
    async addLocalGroupMembers({ params, body }) {
      const members = idsOf(body)
      await localSystems.addLocalGroupMembers(groupOf(params).id, members)
      return show.group(groupOf(params))
    },
    async deleteLocalGroupMembers({ params, body }) {
      await localSystems.deleteLocalGroupMembers(groupOf(params).id, idsOf(body))
      return show.group(groupOf(params))
    },
  }
}

function idsOf(body: unknown): ClientId[] {
  const ids = (body as { items: string[] }).items.map(clientIdOf)
  return [...new Map(ids.map((id) => [idText(id), id])).values()]
}
